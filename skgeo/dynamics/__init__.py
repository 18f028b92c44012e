"""Learn what a dynamical model lacks: MEDIDA, its libraries and its filter."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_enkf": ("EnsembleKalmanFilter",),
        "_libraries": ("FunctionLibrary", "StencilLibrary"),
        "_pde_libraries": ("PDELibrary1D", "PDELibrary2D"),
    },
)
