"""Numerics of supervised dictionary learning."""
