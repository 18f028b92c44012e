"""Shared by the MEDIDA benchmarks: the Kuramoto-Sivashinsky cases and their metric."""

import numpy as np

from skgeo.datasets import KuramotoSivashinsky

TRUTH = KuramotoSivashinsky()
TERMS = {
    "u u_x": "advection",
    "u_xx": "diffusion",
    "u_xxx": "dispersion",
    "u_xxxx": "hyperdiffusion",
    "u^2 u_x": "cubic",
}
CASES = {
    "no u u_x": {"advection": 0.0},
    "no u_xx": {"diffusion": 0.0},
    "no u_xxxx": {"hyperdiffusion": 0.0},
    ".5 u u_x": {"advection": 0.5},
    ".5 u_xx": {"diffusion": 0.5},
    ".5 u_xxxx": {"hyperdiffusion": 0.5},
    "+ .5 u_xxx": {"dispersion": 0.5},
    "no u u_x, + .5 u_xxx": {"advection": 0.0, "dispersion": 0.5},
    "no u_xx, + .5 u_xxx": {"diffusion": 0.0, "dispersion": 0.5},
    "no u_xxxx, + .5 u_xxx": {"hyperdiffusion": 0.0, "dispersion": 0.5},
    "+ .15 u^2 u_x": {"cubic": 0.15},
}


def missing(names, model):
    """Coefficients that a discovery should find."""
    return np.array(
        [
            getattr(model, TERMS[n]) - getattr(TRUTH, TERMS[n]) if n in TERMS else 0.0
            for n in names
        ]
    )


def error(names, coef, model):
    """Relative error of all coefficients of the corrected model, per cent."""
    return float(100 * np.linalg.norm(coef - missing(names, model)) / np.sqrt(3))


def exact_support(names, coef, model):
    """Whether exactly the missing terms were found."""
    return bool(((coef != 0) == (missing(names, model) != 0)).all())


def row(medida, model):
    """Accuracy of a fitted MEDIDA."""
    names, coef = medida.feature_names_, medida.coef_[0]
    return {
        "before": error(names, np.zeros_like(coef), model),
        "error": error(names, coef, model),
        "exact": exact_support(names, coef, model),
        "terms": int(medida.n_terms_),
        "equation": medida.equations()[0][:160],
    }
