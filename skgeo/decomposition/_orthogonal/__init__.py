"""Numerics of online orthogonal dictionary learning."""
