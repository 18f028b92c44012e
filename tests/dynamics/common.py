"""Shared by the tests of MEDIDA."""

import numpy as np

from skgeo.datasets import KuramotoSivashinsky, Lorenz63, make_observation_pairs

TRUTH = KuramotoSivashinsky()
TERMS = {
    "u u_x": "advection",
    "u_xx": "diffusion",
    "u_xxx": "dispersion",
    "u_xxxx": "hyperdiffusion",
    "u^2 u_x": "cubic",
}


def relative_error(medida, model, truth=TRUTH):
    """Error of all coefficients over those of the truth, in per cent."""
    total = 0.0
    for name, coef in zip(medida.feature_names_, medida.coef_[0], strict=True):
        missing = 0.0
        if name in TERMS:
            missing = getattr(model, TERMS[name]) - getattr(truth, TERMS[name])
        total += (coef - missing) ** 2
    return 100 * np.sqrt(total / 3)


def support(medida, k=0):
    return {medida.feature_names_[j] for j in np.flatnonzero(medida.coef_[k])}


def changed(params):
    return {name for name, attr in TERMS.items() if attr in params}


def lorenz_pairs(dt=0.01, n=200):
    return make_observation_pairs(Lorenz63(), n, dt=dt, gap=1.0, random_state=5)
