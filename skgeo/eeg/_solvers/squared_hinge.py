"""Linear machines with squared hinge loss, for many samples of few coordinates.

liblinear copies its input, with an index beside every number; here nothing of the size
of the input is made.
"""

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from skgeo.utils.warn import warn_user

__all__ = ["squared_hinge_machine"]

_MAX_ITER = 2000


def squared_hinge_machine(Z, positive, weight, C):
    """Minimize ``|w|^2 / 2 + C sum_i weight_i max(0, 1 - s_i (z_i w + b))^2``.

    The intercept b is not penalized; ``s_i`` is 1 or -1.

    Parameters
    ----------
    Z : ndarray of shape (n, r)
        Coordinates; only read.
    positive : ndarray of bool of shape (n,)
        Samples of the positive class.
    weight : ndarray of shape (n,)
        Weights; a sample of weight zero plays no part.
    C : float
        Inverse regularization.

    Returns
    -------
    coef : ndarray of shape (r,)
        The weights w.
    intercept : float
        The intercept b.

    Warns
    -----
    ConvergenceWarning
        If the minimum was not reached.
    """
    sign = np.where(positive, 1.0, -1.0)
    cost = C * weight
    scale = cost.sum()

    def objective(x):
        w, b = x[:-1], x[-1]
        slack = 1.0 - sign * (Z @ w + b)
        np.maximum(slack, 0.0, out=slack)
        pull = cost * slack
        value = 0.5 * (w @ w) + pull @ slack
        pull *= -2.0 * sign
        # Divided by the sum of costs, so that the tolerances fit any size.
        return value / scale, np.append(w + Z.T @ pull, pull.sum()) / scale

    found = minimize(
        objective,
        np.zeros(Z.shape[1] + 1),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": _MAX_ITER,
            "maxfun": 2 * _MAX_ITER,
            "gtol": 1e-7,
            "ftol": 1e-14,
        },
    )
    if not found.success and "ABNORMAL" not in found.message.upper():
        warn_user(
            f"The support vector machine stopped after {found.nit} iterations before "
            "its minimum. Lower C.",
            ConvergenceWarning,
        )
    return found.x[:-1], float(found.x[-1])
