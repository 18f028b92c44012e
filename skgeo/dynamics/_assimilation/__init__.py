"""Numerics of the ensemble Kalman filter."""
