"""Instances for the common estimator checks."""

from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    FunctionLibrary,
    MemoryLibrary,
    PDELibrary1D,
    PDELibrary2D,
    StencilLibrary,
    WeakLibrary,
)

ESTIMATORS = [
    MEDIDA(None, dt=1.0),
    EnsembleKalmanFilter(),
    FunctionLibrary(),
    PDELibrary1D(2, 2),
    PDELibrary2D(1, 2),
    StencilLibrary(),
    WeakLibrary(),
    MemoryLibrary(),
]

EXPECTED_FAILURES = {}
# Of signals, not of a table (test_hippo.py), and of two layers of a grid, whose width
# is not any number (test_quasi_geostrophic.py).
THREE_D_NAMES = ("HiPPOProjector", "TwoLayerQGLibrary")
