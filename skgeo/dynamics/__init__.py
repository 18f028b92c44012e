"""Learn what a dynamical model lacks: MEDIDA, its libraries and its filter."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_corrected": ("CorrectedModel",),
        "_diagnostics": ("ModelErrorWarning",),
        "_enkf": ("EnsembleKalmanFilter",),
        "_libraries": ("FunctionLibrary", "StencilLibrary"),
        "_medida": ("MEDIDA",),
        "_pde_libraries": ("PDELibrary1D", "PDELibrary2D"),
        "_pysindy": ("from_pysindy",),
        "_selection": ("one_standard_error", "skill_scorer"),
    },
)
