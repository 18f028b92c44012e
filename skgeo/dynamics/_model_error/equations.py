"""Equations as text."""

import numpy as np

__all__ = ["write_equations"]


def write_equations(left, names, coef, std, constant, *, with_model, precision):
    """Write equations.

    Parameters
    ----------
    left : list of str
        Left-hand sides.
    names : list of str
        Names of the terms.
    coef : ndarray of shape (n_equations, n_terms)
        Coefficients.
    std : ndarray of shape (n_equations, n_terms) or None
        Standard deviations to put in brackets.
    constant : ndarray of shape (n_equations,)
        Constants.
    with_model : bool
        Whether the right-hand sides begin with the model.
    precision : int
        Digits.

    Returns
    -------
    equations : list of str
        One per equation.
    """
    out = []
    for k, side in enumerate(left):
        parts = []
        if constant[k]:
            parts.append(_signed(constant[k], precision))
        for j in np.flatnonzero(coef[k]):
            text = _signed(coef[k, j], precision)
            if std is not None:
                text += f"({_number(std[k, j], precision)})"
            parts.append(text if names[j] == "1" else f"{text} {names[j]}")
        right = " ".join(["model", *parts] if with_model else parts) or "0"
        out.append(f"{side} = {right.removeprefix('+ ')}")
    return out


def _number(value, precision):
    if value == 0 or 10.0 ** (1 - precision) <= abs(value) < 1e6:
        return f"{value:.{precision}f}"
    return f"{value:.{precision}g}"


def _signed(value, precision):
    return f"{'-' if value < 0 else '+'} {_number(abs(value), precision)}"
