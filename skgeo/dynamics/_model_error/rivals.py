"""Other terms that would explain the increments about as well as those found."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Rival", "closest_rivals"]


@dataclass(frozen=True)
class Rival:
    """An exchange of one term for another.

    Attributes
    ----------
    target : int
        Target of the regression.
    term, other : int
        Column of the term in the equation, and of the one that would replace it.
    cost : float
        Log likelihood that the exchange costs, the noise being learned; negative if it
        gains.
    """

    target: int
    term: int
    other: int
    cost: float


def closest_rivals(design, found, limit):
    """Find the exchanges of one term that cost less than a limit.

    Parameters
    ----------
    design : Design
        Candidate terms, of rows that are as good as each other; rows that overlap are
        worth ``design.effective_rows``.
    found : Discovery
        Coefficients, and what they leave.
    limit : float
        Log likelihood.

    Returns
    -------
    rivals : list of Rival
        The cheapest exchange of each target, where it is below the limit.
    """
    A = design.columns.reshape(len(design.columns), -1).T
    scale = np.abs(A).max(axis=0, initial=0.0)
    alive = np.flatnonzero(scale > 0)
    if found.coef.any() and len(alive) < len(A):
        A = A[:, alive] / scale[alive]
    else:
        return []
    residual = (found.residual / design.divisor).reshape(len(found.coef), -1).T
    size = np.abs(residual).max(axis=0)
    size[size == 0] = 1.0
    # Rows in as many numbers as columns: an orthogonal change of basis.
    R = np.linalg.qr(np.column_stack([A, residual / size]), mode="r")
    rows = min(getattr(design, "effective_rows", np.inf), len(A))
    rivals = []
    for i, coef in enumerate(found.coef):
        w = coef[alive] * scale[alive] / size[i]
        best = _closest(R[:, : len(alive)], R[:, len(alive) + i], w, rows)
        if best is not None and best[2] < limit:
            rivals.append(Rival(i, int(alive[best[0]]), int(alive[best[1]]), best[2]))
    return rivals


def _closest(R, residual, w, rows):
    """Cheapest exchange of an active column of R for another, and its cost."""
    active = np.flatnonzero(w)
    if not len(active):
        return None
    y = R @ w + residual
    left = _outside(R[:, active], np.column_stack([R, y]))
    rss, total = left[:, -1] @ left[:, -1], np.linalg.norm(R, axis=0)
    apart = np.linalg.norm(left[:, :-1], axis=0) > 1e-6 * total
    others = np.flatnonzero(apart & (w == 0))
    if not len(others) or rss == 0:
        return None
    best = None
    for j in active:
        rest = active[active != j]
        left = _outside(R[:, rest], np.column_stack([R[:, others], y]))
        size = np.maximum(np.sum(left[:, :-1] ** 2, axis=0), 1e-300)
        gain = (left[:, :-1].T @ left[:, -1]) ** 2 / size
        k = int(np.argmax(gain))
        without = max(left[:, -1] @ left[:, -1] - gain[k], 1e-300)
        cost = 0.5 * rows * np.log(without / rss)
        if best is None or cost < best[2]:
            best = j, others[k], float(cost)
    return best


def _outside(S, V):
    """What the columns of S leave of those of V."""
    Q = np.linalg.qr(S)[0]
    return V - Q @ (Q.T @ V)
