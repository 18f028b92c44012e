"""Numerics of sparse Bayesian regression."""
