"""Sparse Bayesian learning, and robust regression on matrices."""

from skgeo.linear_model._kron_functions import (
    KronPosterior,
    kron_posterior,
    mode_product,
)
from skgeo.linear_model._kronecker_regressor import KroneckerSBLRegressor
from skgeo.linear_model._kronecker_sbl import KroneckerSBL
from skgeo.linear_model._robust_trace import RobustTraceRegressor
from skgeo.linear_model._sparse_bayes import SparseBayesianRegressor
from skgeo.linear_model._sparse_bayes_classifier import SparseBayesianClassifier
from skgeo.linear_model._steering import SteeringFactor

__all__ = [
    "KronPosterior",
    "KroneckerSBL",
    "KroneckerSBLRegressor",
    "RobustTraceRegressor",
    "SparseBayesianClassifier",
    "SparseBayesianRegressor",
    "SteeringFactor",
    "kron_posterior",
    "mode_product",
]
