"""Learn what a dynamical model lacks: MEDIDA, its libraries and its filter."""

from skgeo.dynamics._assimilation.trajectory import FilteredTrajectory
from skgeo.dynamics._enkf import EnsembleKalmanFilter
from skgeo.dynamics._hippo import HiPPOProjector
from skgeo.dynamics._library.memory import MemoryLibrary
from skgeo.dynamics._library.pde import PDELibrary1D, PDELibrary2D
from skgeo.dynamics._library.pointwise import FunctionLibrary, StencilLibrary
from skgeo.dynamics._library.pysindy import from_pysindy
from skgeo.dynamics._library.quasi_geostrophic import TwoLayerQGLibrary
from skgeo.dynamics._library.weak import WeakLibrary
from skgeo.dynamics._medida import MEDIDA
from skgeo.dynamics._model_error.corrected import CorrectedModel
from skgeo.dynamics._model_error.memory import CorrectedMemoryModel
from skgeo.dynamics._selection import (
    forecast_scorer,
    one_standard_error,
    skill_scorer,
)
from skgeo.exceptions import ModelErrorWarning

__all__ = [
    "MEDIDA",
    "CorrectedMemoryModel",
    "CorrectedModel",
    "EnsembleKalmanFilter",
    "FilteredTrajectory",
    "FunctionLibrary",
    "HiPPOProjector",
    "MemoryLibrary",
    "ModelErrorWarning",
    "PDELibrary1D",
    "PDELibrary2D",
    "StencilLibrary",
    "TwoLayerQGLibrary",
    "WeakLibrary",
    "forecast_scorer",
    "from_pysindy",
    "one_standard_error",
    "skill_scorer",
]
