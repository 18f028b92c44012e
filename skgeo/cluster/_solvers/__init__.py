"""Numerics of clustering: relaxations, bounds, certificates, likelihoods."""
