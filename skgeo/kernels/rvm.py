"""Single-term moves of sequential sparse Bayesian learning (Tipping and Faul, 2003).

Everything is relative to the noise: the precision of coefficient j is ``a[j]`` over
the noise variance, so that with C = I + sum_j phi_j phi_j' / a_j the noise variance
can be maximized out in closed form at every move and no statistic depends on it.
Columns and target have unit norm.

The state of a fit is updated in place:

``act`` (k,) columns in the model, ``pos`` (p,) their place in it or -1,
``a`` (k,) relative precisions, ``mu`` (k,) and ``cov`` (k, k) posterior mean and
relative covariance, ``gram`` (k, p) rows of the Gram matrix of the active columns,
``S`` (p,) = phi' C^-1 phi and ``Q`` (p,) = phi' C^-1 y.
"""

import numpy as np

from skgeo.kernels._jit import jit

# A column whose part outside the span of the model is this small (squared, relative)
# is a copy of what is there: its statistics are rounding errors.
_COPY = 1e-11
# Share of y' C^-1 y below which the incremental one is no longer trusted.
_REFRESH = 1e-8


@jit
def data_fit(Y, n, noise, floor):
    """Data term of the evidence, Y = y' C^-1 y; noise 0: maximized out above floor."""
    if noise > 0.0:
        return -0.5 * n * np.log(noise) - 0.5 * Y / noise
    v = Y / n
    if v > floor:
        return -0.5 * n * np.log(v) - 0.5 * n
    return -0.5 * n * np.log(floor) - 0.5 * Y / floor


@jit
def _shrunk(a, s, q):
    """What the prior of a term adds to y' C^-1 y: q**2 / s - q**2 / (a + s)."""
    return q * q * (a / s) / (a + s)


@jit
def best_precision(s, q, rest, Y, n, noise, floor):
    """Precision that maximizes the evidence of one term; infinity leaves it out.

    ``s``, ``q`` and ``Y`` are the statistics with the term left out; ``rest`` = Y -
    q**2 / s, what the term would leave without a prior, is handed in because the
    difference loses every digit where the fit is nearly exact.
    """
    if noise <= 0.0:
        gap = n * q * q - s * Y
        if gap <= 0.0:
            return np.inf
        a = s * s * max(rest, 0.0) / gap
        if rest + _shrunk(a, s, q) > n * floor:
            return a
        noise = floor  # the fit is as good as the floor allows: noise known from here
    gap = q * q / noise - s
    if gap <= 0.0:
        return np.inf
    return s * s / gap


@jit
def term_gain(a, s, q, rest, Y, n, noise, floor):
    """Evidence of a term at precision a, less that of leaving it out."""
    if a == np.inf:
        return 0.0
    with_term = data_fit(max(rest, 0.0) + _shrunk(a, s, q), n, noise, floor)
    return -0.5 * np.log1p(s / a) + with_term - data_fit(Y, n, noise, floor)


@jit
def without_term(a, mu, var, Y):
    """Statistics s, q, rest and Y with a term of the model left out."""
    s = max(1.0 / var - a, 1e-300)
    rest = Y - a * mu * mu / (s * var)
    return s, mu / var, rest, Y + mu * mu / var


@jit
def best_move(act, pos, k, a, mu, cov, S, Q, Y, n, noise, floor, cost, banned):
    """Find the single move that raises the evidence, less ``cost`` a term, most.

    Returns the gain, the column, and its new precision (infinity: remove it).
    ``banned`` columns are never added.
    """
    best, column, value = 0.0, -1, np.inf
    for j in range(S.shape[0]):
        t = pos[j]
        if t < 0:
            if banned[j] or S[j] < _COPY:
                continue
            # Cheap test first: most columns are out and stay out.
            scale = noise if noise > 0.0 else max(Y / n, floor)
            if Q[j] * Q[j] <= S[j] * scale:
                continue
            rest = Y - Q[j] * Q[j] / S[j]
            new = best_precision(S[j], Q[j], rest, Y, n, noise, floor)
            if new == np.inf:
                continue
            new = max(new, 1e-30)
            gain = term_gain(new, S[j], Q[j], rest, Y, n, noise, floor) - cost
        else:
            var = cov[t, t]
            s, q, rest, Y0 = without_term(a[t], mu[t], var, Y)
            old = term_gain(a[t], s, q, rest, Y0, n, noise, floor)
            new = best_precision(s, q, rest, Y0, n, noise, floor)
            if new < np.inf:
                new = max(new, 1e-30)
            then = term_gain(new, s, q, rest, Y0, n, noise, floor)
            if new == np.inf or then < cost:
                new = np.inf
                gain = cost - old
            else:
                gain = then - old
        if gain > best:
            best, column, value = gain, j, new
    return best, column, value


@jit
def add_term(j, value, design, act, pos, k, a, mu, cov, gram, S, Q, Y):
    """Put column j into the model; returns the new k and Y."""
    p = S.shape[0]
    row = gram[k]
    row[:] = np.dot(design, design[j])
    v = np.zeros(k)
    for t in range(k):
        acc = 0.0
        for u in range(k):
            acc += cov[t, u] * row[act[u]]
        v[t] = acc
    var = 1.0 / (value + S[j])
    m = var * Q[j]
    Y -= var * Q[j] * Q[j]
    e = row.copy()
    for t in range(k):
        w = v[t]
        for c in range(p):
            e[c] -= w * gram[t, c]
    for c in range(p):
        S[c] -= var * e[c] * e[c]
        Q[c] -= m * e[c]
    for t in range(k):
        for u in range(k):
            cov[t, u] += var * v[t] * v[u]
        cov[t, k] = -var * v[t]
        cov[k, t] = -var * v[t]
        mu[t] -= m * v[t]
    cov[k, k] = var
    mu[k] = m
    a[k] = value
    act[k] = j
    pos[j] = k
    return k + 1, Y


@jit
def shift_term(t, weight, shift, k, mu, cov, gram, S, Q):
    """Rank-one update of the posterior along column t of the covariance."""
    p = S.shape[0]
    column = cov[:k, t].copy()
    e = np.zeros(p)
    for u in range(k):
        w = column[u]
        for c in range(p):
            e[c] += w * gram[u, c]
    for c in range(p):
        S[c] += weight * e[c] * e[c]
        Q[c] += shift * e[c]
    for u in range(k):
        mu[u] -= shift * column[u]
        for v in range(k):
            cov[u, v] -= weight * column[u] * column[v]


@jit
def change_term(t, value, k, a, mu, cov, gram, S, Q, Y):
    """Give the term at place t another precision; returns the new Y."""
    var, m = cov[t, t], mu[t]
    s, q, rest, _ = without_term(a[t], m, var, Y)
    delta = value - a[t]
    weight = delta / (1.0 + delta * var)
    shift_term(t, weight, weight * m, k, mu, cov, gram, S, Q)
    a[t] = value
    return rest + _shrunk(value, s, q)


@jit
def drop_term(t, act, pos, k, a, mu, cov, gram, S, Q, Y):
    """Take the term at place t out; the last one moves there. Returns k, Y."""
    var, m = cov[t, t], mu[t]
    Y0 = Y + m * m / var
    shift_term(t, 1.0 / var, m / var, k, mu, cov, gram, S, Q)
    last = k - 1
    pos[act[t]] = -1
    if t != last:
        act[t] = act[last]
        pos[act[t]] = t
        a[t] = a[last]
        mu[t] = mu[last]
        gram[t] = gram[last]
        for u in range(k):
            cov[t, u] = cov[last, u]
        for u in range(k):
            cov[u, t] = cov[u, last]
        cov[t, t] = cov[last, last]
    return last, Y0


@jit
def sequential_moves(
    design, act, pos, k, a, mu, cov, gram, S, Q, Y,
    n, noise, floor, cost, tol, banned, gains,
):  # fmt: skip
    """Make the best single move until none gains more than tol.

    ``design`` (p, r) holds the columns as rows; ``gains`` receives what each move adds
    to the evidence (the cost of a term not counted) and bounds their number.

    Returns
    -------
    k, Y : int, float
        New size of the model and new y' C^-1 y.
    n_moves : int
        Moves made.
    gain : float
        Gain of the best move not made.
    """
    n_moves, start = 0, Y
    gain, j, value = best_move(
        act, pos, k, a, mu, cov, S, Q, Y, n, noise, floor, cost, banned
    )
    # Additions subtract from Y: refresh it before only rounding is left.
    while n_moves < gains.shape[0] and gain > tol and start * _REFRESH <= Y:
        t = pos[j]
        if t < 0:
            if k == a.shape[0]:
                break
            k, Y = add_term(j, value, design, act, pos, k, a, mu, cov, gram, S, Q, Y)
            gain += cost
        elif value == np.inf:
            gain -= cost
            k, Y = drop_term(t, act, pos, k, a, mu, cov, gram, S, Q, Y)
        else:
            Y = change_term(t, value, k, a, mu, cov, gram, S, Q, Y)
        gains[n_moves] = gain
        n_moves += 1
        gain, j, value = best_move(
            act, pos, k, a, mu, cov, S, Q, Y, n, noise, floor, cost, banned
        )
    return k, Y, n_moves, gain


def warmup():
    """Compile the kernels of this module on tiny data."""
    design = np.eye(2)
    pos, banned = np.full(2, -1), np.zeros(2, dtype=bool)
    sequential_moves(
        design, np.zeros(2, dtype=np.intp), pos, 0, np.zeros(2), np.zeros(2),
        np.zeros((2, 2)), np.zeros((2, 2)), np.ones(2), np.array([0.9, 0.4]), 1.0,
        4.0, 0.0, 1e-24, 0.0, 1e-9, banned, np.zeros(8),
    )  # fmt: skip
    # A caller from the disk cache does not compile what it calls: call each.
    data_fit(1.0, 4.0, 0.0, 1e-24)
    _shrunk(1.0, 1.0, 0.5)
    best_precision(1.0, 0.9, 0.2, 1.0, 4.0, 0.0, 1e-24)
    term_gain(1.0, 1.0, 0.9, 0.2, 1.0, 4.0, 0.0, 1e-24)
    without_term(1.0, 0.5, 0.5, 1.0)
    act, a, mu = np.zeros(2, dtype=np.intp), np.ones(2), np.zeros(2)
    cov, gram, S, Q = np.eye(2), np.eye(2), np.ones(2), np.full(2, 0.5)
    pos = np.full(2, -1)
    best_move(act, pos, 0, a, mu, cov, S, Q, 1.0, 4.0, 0.0, 1e-24, 0.0, banned)
    add_term(0, 1.0, design, act, pos, 0, a, mu, cov, gram, S, Q, 1.0)
    change_term(0, 2.0, 1, a, mu, cov, gram, S, Q, 1.0)
    shift_term(0, 0.1, 0.1, 1, mu, cov, gram, S, Q)
    drop_term(0, act, pos, 1, a, mu, cov, gram, S, Q, 1.0)
