"""Instances for the common estimator checks."""

from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    FunctionLibrary,
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
]

EXPECTED_FAILURES = {}
# Of signals, not of a table: see test_hippo.py.
THREE_D_NAMES = ("HiPPOProjector",)
