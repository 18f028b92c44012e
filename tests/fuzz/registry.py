"""Estimators and functions that are fuzzed, and what some of them need."""

import numpy as np

from skgeo.cluster import ExactKMeans
from skgeo.dynamics import MEDIDA
from skgeo.linear_model import KroneckerSBL, KroneckerSBLRegressor
from skgeo.testing import all_estimators
from tests.fuzz import trial


def _factors(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((3, 4)), rng.standard_normal((3, 5))]


trial.PROBES.update(
    {
        # Limits, which the default sets at minutes.
        "ExactKMeans": lambda: ExactKMeans(3, max_nodes=3, max_time=2.0),
        "MEDIDA": lambda: MEDIDA(None, dt=0.1),
        "KroneckerSBL": lambda: KroneckerSBL(_factors()),
        "KroneckerSBLRegressor": lambda: KroneckerSBLRegressor(
            [np.eye(3), np.eye(3)], max_iter=50
        ),
    }
)
trial.COLUMNS.update({"KroneckerSBL": 9, "KroneckerSBLRegressor": 9})
trial.MATRICES.update({"TangentMap"})


def estimators():
    """List the public estimators, sorted by name."""
    return [cls for _, cls in sorted(all_estimators())]
