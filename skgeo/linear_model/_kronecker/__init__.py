"""Numerics of Kronecker sparse Bayesian learning."""
