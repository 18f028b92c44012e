"""Sparse Bayesian learning: linear features and Kronecker-structured dictionaries."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_sparse_bayes": ("SparseBayesianRegressor",),
    },
)
