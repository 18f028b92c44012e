"""Sparse Bayesian learning: linear features and Kronecker-structured dictionaries."""

from skgeo.linear_model._kron_functions import (
    KronPosterior,
    kron_posterior,
    mode_product,
)
from skgeo.linear_model._kronecker_regressor import KroneckerSBLRegressor
from skgeo.linear_model._kronecker_sbl import KroneckerSBL
from skgeo.linear_model._sparse_bayes import SparseBayesianRegressor
from skgeo.linear_model._sparse_bayes_classifier import SparseBayesianClassifier

__all__ = [
    "KronPosterior",
    "KroneckerSBL",
    "KroneckerSBLRegressor",
    "SparseBayesianClassifier",
    "SparseBayesianRegressor",
    "kron_posterior",
    "mode_product",
]
