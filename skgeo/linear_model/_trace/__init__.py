"""Numerics of robust trace regression."""
