"""Numerics of EEG classification: covariances, geometry, SVM, cross-validation."""
