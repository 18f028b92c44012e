"""Numerics of k-medoids: dissimilarities, swaps, bounds, branching."""
