"""Single-term moves of sequential sparse Bayesian learning (Tipping and Faul, 2003).

Everything is relative to the noise: the precision of coefficient j is ``a[j]`` over
the noise variance, so that with C = I + sum_j phi_j phi_j' / a_j the noise variance
can be maximized out in closed form at every move and no statistic depends on it.
Columns and target have unit norm.

The state of a fit, :class:`Terms`, is updated in place; the number of its terms, k, and
Y = y' C^-1 y are handed from call to call.
"""

from typing import NamedTuple

import numpy as np

from skgeo.kernels._jit import jit

# A column whose part outside the span of the model is this small (squared, relative)
# is a copy of what is there: its statistics are rounding errors.
_COPY = 1e-11
# Fraction of y' C^-1 y below which the incremental one is no longer trusted.
_REFRESH = 1e-8
# Gain of evidence below which moves are left out where only the terms are asked for.
_UNSETTLED = 0.1
# Columns tried for each term that a swap removes.
_N_PARTNERS = 3


class Terms(NamedTuple):
    """State of a fit; the leading k rows (and columns) of the arrays of terms count.

    Attributes
    ----------
    design : ndarray of shape (p, r)
        Columns of the design, one per row, of unit norm.
    products : ndarray of shape (p, p) or (0, 0)
        Their Gram matrix, where it has been computed.
    act : ndarray of shape (room,)
        Columns in the model.
    pos : ndarray of shape (p,)
        Place of each column in the model, or -1.
    a : ndarray of shape (room,)
        Precisions relative to the noise precision.
    mu : ndarray of shape (room,)
        Posterior mean.
    cov : ndarray of shape (room, room)
        Posterior covariance relative to the noise variance.
    gram : ndarray of shape (room, p)
        Rows of the Gram matrix of the columns in the model.
    S, Q : ndarray of shape (p,)
        phi' C^-1 phi and phi' C^-1 y of every column.
    banned : ndarray of bool of shape (p,)
        Columns that are never added.
    """

    design: np.ndarray
    products: np.ndarray
    act: np.ndarray
    pos: np.ndarray
    a: np.ndarray
    mu: np.ndarray
    cov: np.ndarray
    gram: np.ndarray
    S: np.ndarray
    Q: np.ndarray
    banned: np.ndarray


class Objective(NamedTuple):
    """What a move is judged by.

    Attributes
    ----------
    n : float
        Number of rows that the noise is estimated from.
    noise : float
        Noise variance; zero maximizes it out, above ``floor``.
    floor : float
        Smallest noise variance.
    cost : float
        Log evidence that a term has to bring.
    positive : bool
        Whether only terms of positive coefficient are added.
    """

    n: float
    noise: float
    floor: float
    cost: float
    positive: bool


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
def best_move(terms, k, Y, objective):
    """Find the single move that raises the evidence, less its cost per term, most.

    Returns the gain, the column, and its new precision (infinity: remove it).
    """
    n, noise, floor, cost, positive = objective
    S, Q, pos = terms.S, terms.Q, terms.pos
    best, column, value = 0.0, -1, np.inf
    for j in range(S.shape[0]):
        t = pos[j]
        if t < 0:
            if terms.banned[j] or S[j] < _COPY or (positive and Q[j] <= 0.0):
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
            a, var = terms.a[t], terms.cov[t, t]
            s, q, rest, Y0 = without_term(a, terms.mu[t], var, Y)
            old = term_gain(a, s, q, rest, Y0, n, noise, floor)
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
def add_term(j, value, terms, k, Y):
    """Put column j into the model; returns the new k and Y."""
    S, Q, cov, gram = terms.S, terms.Q, terms.cov, terms.gram
    p = S.shape[0]
    row = gram[k]
    if terms.products.shape[0] > 0:
        row[:] = terms.products[j]
    else:
        row[:] = np.dot(terms.design, terms.design[j])
    v = np.zeros(k)
    for t in range(k):
        acc = 0.0
        for u in range(k):
            acc += cov[t, u] * row[terms.act[u]]
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
        terms.mu[t] -= m * v[t]
    cov[k, k] = var
    terms.mu[k] = m
    terms.a[k] = value
    terms.act[k] = j
    terms.pos[j] = k
    return k + 1, Y


@jit
def shift_term(t, weight, shift, terms, k):
    """Rank-one update of the posterior along column t of the covariance."""
    p = terms.S.shape[0]
    column = terms.cov[:k, t].copy()
    e = np.zeros(p)
    for u in range(k):
        w = column[u]
        for c in range(p):
            e[c] += w * terms.gram[u, c]
    for c in range(p):
        terms.S[c] += weight * e[c] * e[c]
        terms.Q[c] += shift * e[c]
    for u in range(k):
        terms.mu[u] -= shift * column[u]
        for v in range(k):
            terms.cov[u, v] -= weight * column[u] * column[v]


@jit
def change_term(t, value, terms, k, Y):
    """Give the term at place t another precision; returns the new Y."""
    var, m = terms.cov[t, t], terms.mu[t]
    s, q, rest, _ = without_term(terms.a[t], m, var, Y)
    delta = value - terms.a[t]
    weight = delta / (1.0 + delta * var)
    shift_term(t, weight, weight * m, terms, k)
    terms.a[t] = value
    return rest + _shrunk(value, s, q)


@jit
def drop_term(t, terms, k, Y):
    """Remove the term at place t; the last one moves there. Returns k and Y."""
    act, pos, cov = terms.act, terms.pos, terms.cov
    var, m = cov[t, t], terms.mu[t]
    Y0 = Y + m * m / var
    shift_term(t, 1.0 / var, m / var, terms, k)
    last = k - 1
    pos[act[t]] = -1
    if t != last:
        act[t] = act[last]
        pos[act[t]] = t
        terms.a[t] = terms.a[last]
        terms.mu[t] = terms.mu[last]
        terms.gram[t] = terms.gram[last]
        for u in range(k):
            cov[t, u] = cov[last, u]
        for u in range(k):
            cov[u, t] = cov[u, last]
        cov[t, t] = cov[last, last]
    return last, Y0


@jit
def sequential_moves(terms, k, Y, objective, tol, gains):
    """Make the best single move until none gains more than tol.

    ``gains`` receives what each move adds to the evidence less its cost per term, and
    bounds the number of moves.

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
    gain, j, value = best_move(terms, k, Y, objective)
    # Additions subtract from Y: refresh it before only rounding is left.
    while n_moves < gains.shape[0] and gain > tol and start * _REFRESH <= Y:
        t = terms.pos[j]
        if t < 0:
            if k == terms.a.shape[0]:
                break
            k, Y = add_term(j, value, terms, k, Y)
        elif value == np.inf:
            k, Y = drop_term(t, terms, k, Y)
        else:
            Y = change_term(t, value, terms, k, Y)
        gains[n_moves] = gain
        n_moves += 1
        gain, j, value = best_move(terms, k, Y, objective)
    return k, Y, n_moves, gain


@jit
def best_swap(terms, k, Y, objective):
    """Find the term and the column outside whose exchange raises the evidence most.

    For each term only the columns that would reduce the misfit most once it is gone are
    looked at more closely.

    Returns
    -------
    gain : float
        Gain of the exchange; zero if none gains.
    place, column : int
        Place of the term that goes and column that comes; -1 if none gains.
    value : float
        Precision of the new term.
    """
    n, noise, floor, _, positive = objective
    p = terms.S.shape[0]
    best, place, column, value = 0.0, -1, -1, np.inf
    e = np.empty(p)
    partner, promise = np.empty(_N_PARTNERS, dtype=np.intp), np.empty(_N_PARTNERS)
    for t in range(k):
        var, m = terms.cov[t, t], terms.mu[t]
        s, q, rest, Y0 = without_term(terms.a[t], m, var, Y)
        old = term_gain(terms.a[t], s, q, rest, Y0, n, noise, floor)
        e[:] = 0.0
        for u in range(k):
            w = terms.cov[t, u]
            for c in range(p):
                e[c] += w * terms.gram[u, c]
        partner[:], promise[:] = -1, 0.0
        for c in range(p):
            if terms.pos[c] >= 0 or terms.banned[c]:
                continue
            S = terms.S[c] + e[c] * e[c] / var
            Q = terms.Q[c] + m / var * e[c]
            if S < _COPY or (positive and Q <= 0.0):
                continue
            drop = Q * Q / S
            if drop > promise[-1]:
                i = _N_PARTNERS - 1
                while i > 0 and drop > promise[i - 1]:
                    promise[i], partner[i] = promise[i - 1], partner[i - 1]
                    i -= 1
                promise[i], partner[i] = drop, c
        for i in range(_N_PARTNERS):
            c = partner[i]
            if c < 0:
                break
            S = terms.S[c] + e[c] * e[c] / var
            Q = terms.Q[c] + m / var * e[c]
            left = Y0 - Q * Q / S
            new = best_precision(S, Q, left, Y0, n, noise, floor)
            if new == np.inf:
                continue
            new = max(new, 1e-30)
            gain = term_gain(new, S, Q, left, Y0, n, noise, floor) - old
            if gain > best:
                best, place, column, value = gain, t, c, new
    return best, place, column, value


@jit
def _holds(columns, terms, k):
    """Whether the model consists of exactly these columns."""
    if columns.shape[0] != k:
        return False
    n_held = 0
    for column in columns:
        n_held += terms.pos[column] >= 0
    return n_held == k


@jit
def kick_term(place, terms, k, Y, objective, tol, gains):
    """Remove a term, make moves without it, let it return, make moves again.

    Where the moves without it only change precisions, the term would return and the
    model with it: this is the usual case, found out by moves that need not settle.

    ``gains`` is room for the gains of the moves of either round.

    Returns
    -------
    k, Y : int, float
        New size of the model and new y' C^-1 y.
    net : float
        What the objective gains in all; zero if the same terms are in the model again.
    """
    n, noise, floor, cost, _ = objective
    column, a = terms.act[place], terms.a[place]
    s, q, rest, Y0 = without_term(a, terms.mu[place], terms.cov[place, place], Y)
    net = cost - term_gain(a, s, q, rest, Y0, n, noise, floor)
    before = terms.act[:k].copy()
    k, Y = drop_term(place, terms, k, Y)
    others = terms.act[:k].copy()
    coarse = max(tol, _UNSETTLED)
    terms.banned[column] = True
    k, Y, n_moves, _ = sequential_moves(terms, k, Y, objective, coarse, gains)
    net += np.sum(gains[:n_moves])
    terms.banned[column] = False
    if _holds(others, terms, k):
        return k, Y, 0.0
    for least in (coarse, tol):
        k, Y, n_moves, _ = sequential_moves(terms, k, Y, objective, least, gains)
        net += np.sum(gains[:n_moves])
        if _holds(before, terms, k):
            return k, Y, 0.0
    return k, Y, net


@jit
def backward_path(P, w, order, rise):
    """Least-squares elimination of one column at a time, the weakest first.

    Parameters
    ----------
    P : ndarray of shape (p, p)
        Inverse Gram matrix of the columns; overwritten.
    w : ndarray of shape (p,)
        Least-squares coefficients; overwritten.
    order : ndarray of int of shape (p,)
        Receives the columns in the order in which they leave.
    rise : ndarray of shape (p,)
        Receives what each departure adds to the squared residual.
    """
    p = w.shape[0]
    names = np.arange(p)
    for step in range(p):
        m = p - step
        weakest, least = 0, np.inf
        for i in range(m):
            loss = w[i] * w[i] / P[i, i]
            if loss < least:
                weakest, least = i, loss
        order[step], rise[step] = names[weakest], least
        last = m - 1
        # The last column takes the place of the one that leaves.
        names[weakest], names[last] = names[last], names[weakest]
        w[weakest], w[last] = w[last], w[weakest]
        for i in range(m):
            P[i, weakest], P[i, last] = P[i, last], P[i, weakest]
        for i in range(m):
            P[weakest, i], P[last, i] = P[last, i], P[weakest, i]
        pivot = P[last, last]
        for i in range(last):
            scale = P[i, last] / pivot
            w[i] -= scale * w[last]
            for j in range(last):
                P[i, j] -= scale * P[last, j]


@jit
def forward_path(design, target, order, left, positive):
    """Orthogonal least squares: add the column that explains most, one at a time.

    Parameters
    ----------
    design : ndarray of shape (p, r)
        Columns, one per row, of unit norm (or zero).
    target : ndarray of shape (r,)
        Target; overwritten by the residual.
    order : ndarray of int of shape (n_steps,)
        Receives the columns in the order in which they enter.
    left : ndarray of shape (n_steps,)
        Receives the squared residual after each step.
    positive : bool
        Add only columns of positive correlation with the residual.

    Returns
    -------
    n_steps : int
        Steps made; fewer than asked for if no column is left.
    """
    p, r = design.shape
    n_steps = order.shape[0]
    S = np.ones(p)
    for j in range(p):
        S[j] = np.dot(design[j], design[j])
    basis = np.empty((n_steps, r))
    for step in range(n_steps):
        Q = np.dot(design, target)
        best, column = 0.0, -1
        for j in range(p):
            if S[j] > 1e-10 and not (positive and Q[j] <= 0.0):
                drop = Q[j] * Q[j] / S[j]
                if drop > best:
                    best, column = drop, j
        if column < 0:
            return step
        u = basis[step]
        u[:] = design[column]
        for _ in range(2):  # once is not enough for columns that are nearly dependent
            for i in range(step):
                u -= np.dot(basis[i], u) * basis[i]
        u /= np.sqrt(np.dot(u, u))
        target -= np.dot(u, target) * u
        along = np.dot(design, u)
        for j in range(p):
            S[j] -= along[j] * along[j]
        S[column] = 0.0
        order[step], left[step] = column, np.dot(target, target)
    return n_steps


def empty_terms(design, products, room):
    """Allocate the state of an empty model with room for some terms."""
    p = len(design)
    return Terms(
        design=design,
        products=products,
        act=np.zeros(room, dtype=np.intp),
        pos=np.full(p, -1, dtype=np.intp),
        a=np.zeros(room),
        mu=np.zeros(room),
        cov=np.zeros((room, room)),
        gram=np.zeros((room, p)),
        S=np.ones(p),
        Q=np.zeros(p),
        banned=np.zeros(p, dtype=bool),
    )


def warmup():
    """Compile the kernels of this module on tiny data."""
    design = np.eye(2)
    objective = Objective(4.0, 0.0, 1e-24, 0.0, False)

    def terms():
        state = empty_terms(design, np.zeros((0, 0)), 2)
        state.Q[:] = 0.9, 0.4
        return state

    sequential_moves(terms(), 0, 1.0, objective, 1e-9, np.zeros(8))
    backward_path(np.eye(2), np.ones(2), np.zeros(2, dtype=np.intp), np.zeros(2))
    forward_path(design, np.ones(2), np.zeros(1, dtype=np.intp), np.zeros(1), False)
    # A caller from the disk cache does not compile what it calls: call each.
    data_fit(1.0, 4.0, 0.0, 1e-24)
    _shrunk(1.0, 1.0, 0.5)
    best_precision(1.0, 0.9, 0.2, 1.0, 4.0, 0.0, 1e-24)
    term_gain(1.0, 1.0, 0.9, 0.2, 1.0, 4.0, 0.0, 1e-24)
    without_term(1.0, 0.5, 0.5, 1.0)
    state = terms()
    best_move(state, 0, 1.0, objective)
    add_term(0, 1.0, state, 0, 1.0)
    best_swap(state, 1, 0.5, objective)
    change_term(0, 2.0, state, 1, 0.5)
    shift_term(0, 0.1, 0.1, state, 1)
    drop_term(0, state, 1, 0.5)
    state = terms()
    add_term(0, 1.0, state, 0, 1.0)
    kick_term(0, state, 1, 0.5, objective, 1e-9, np.zeros(4))
    _holds(np.zeros(1, dtype=np.intp), terms(), 0)
