"""Simulated dynamical systems."""
