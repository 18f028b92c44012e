"""Sequential minimal optimization of a kernel support vector machine."""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["smo", "smo_path", "warmup"]


@jit
def smo(Q, diagonal, y, bound, tol, max_iter, alpha, gradient):
    """Solve the dual of a binary support vector machine.

    Minimizes ``alpha' Q alpha / 2 - sum(alpha)`` under ``y' alpha = 0`` and
    ``0 <= alpha <= bound`` with the working set of second order and the stopping
    rule of libsvm; no shrinking.

    Parameters
    ----------
    Q : ndarray of shape (n, n), float32
        ``y_i y_j K_ij``, in the single precision that libsvm keeps it in.
    diagonal : ndarray of shape (n,)
        Diagonal of the kernel.
    y : ndarray of shape (n,)
        Labels, -1.0 or 1.0.
    bound : ndarray of shape (n,)
        Upper bounds of the multipliers.
    tol : float
        Largest violation of the optimality conditions.
    max_iter : int
        Maximum number of steps.
    alpha : ndarray of shape (n,)
        Zeros; overwritten with the multipliers.
    gradient : ndarray of shape (n,)
        Minus ones; overwritten with the gradient.

    Returns
    -------
    rho : float
        The decision of a sample is ``sum_i alpha_i y_i K(x_i, x) - rho``.
    clipped : bool
        Whether a multiplier ever reached its bound on the way.
    converged : bool
        Whether the violation fell below ``tol``.
    """
    n = len(y)
    clipped = False
    converged = False
    for _ in range(max_iter):
        i, largest = -1, -np.inf
        for t in range(n):
            if y[t] > 0:
                if alpha[t] < bound[t] and -gradient[t] >= largest:
                    i, largest = t, -gradient[t]
            elif alpha[t] > 0 and gradient[t] >= largest:
                i, largest = t, gradient[t]
        if i < 0:
            converged = True
            break
        j, violation, best = -1, -np.inf, np.inf
        for t in range(n):
            if y[t] > 0:
                if not alpha[t] > 0:
                    continue
                value = gradient[t]
            else:
                if not alpha[t] < bound[t]:
                    continue
                value = -gradient[t]
            violation = max(violation, value)
            difference = largest + value
            if difference > 0:
                curvature = diagonal[i] + diagonal[t] - 2.0 * y[i] * y[t] * Q[i, t]
                if curvature <= 0:
                    curvature = 1e-12
                decrease = -(difference * difference) / curvature
                if decrease <= best:
                    j, best = t, decrease
        if largest + violation < tol or j < 0:
            converged = True
            break

        old_i, old_j = alpha[i], alpha[j]
        if y[i] != y[j]:
            curvature = diagonal[i] + diagonal[j] + 2.0 * Q[i, j]
            if curvature <= 0:
                curvature = 1e-12
            step = (-gradient[i] - gradient[j]) / curvature
            difference = alpha[i] - alpha[j]
            alpha[i] += step
            alpha[j] += step
            if difference > 0:
                if alpha[j] < 0:
                    alpha[j] = 0.0
                    alpha[i] = difference
            elif alpha[i] < 0:
                alpha[i] = 0.0
                alpha[j] = -difference
            if difference > bound[i] - bound[j]:
                if alpha[i] > bound[i]:
                    alpha[i] = bound[i]
                    alpha[j] = bound[i] - difference
            elif alpha[j] > bound[j]:
                alpha[j] = bound[j]
                alpha[i] = bound[j] + difference
        else:
            curvature = diagonal[i] + diagonal[j] - 2.0 * Q[i, j]
            if curvature <= 0:
                curvature = 1e-12
            step = (gradient[i] - gradient[j]) / curvature
            total = alpha[i] + alpha[j]
            alpha[i] -= step
            alpha[j] += step
            if total > bound[i]:
                if alpha[i] > bound[i]:
                    alpha[i] = bound[i]
                    alpha[j] = total - bound[i]
            elif alpha[j] < 0:
                alpha[j] = 0.0
                alpha[i] = total
            if total > bound[j]:
                if alpha[j] > bound[j]:
                    alpha[j] = bound[j]
                    alpha[i] = total - bound[j]
            elif alpha[i] < 0:
                alpha[i] = 0.0
                alpha[j] = total
        clipped = clipped or alpha[i] >= bound[i] or alpha[j] >= bound[j]
        change_i, change_j = alpha[i] - old_i, alpha[j] - old_j
        for t in range(n):
            gradient[t] += Q[i, t] * change_i + Q[j, t] * change_j

    n_free, free, upper, lower = 0, 0.0, np.inf, -np.inf
    for t in range(n):
        value = y[t] * gradient[t]
        if alpha[t] >= bound[t]:
            if y[t] < 0:
                upper = min(upper, value)
            else:
                lower = max(lower, value)
        elif alpha[t] <= 0:
            if y[t] > 0:
                upper = min(upper, value)
            else:
                lower = max(lower, value)
        else:
            n_free += 1
            free += value
    rho = free / n_free if n_free else (upper + lower) / 2.0
    return rho, clipped, converged


@jit
def smo_path(K, K_test, y, weight, Cs, tol, max_iter, decision):
    """Decision values of binary support vector machines for ascending ``Cs``.

    A solution on whose way no multiplier met its bound is the solution for every
    larger ``C`` as well, to the last bit: it is copied.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Training kernel.
    K_test : ndarray of shape (n_test, n)
        Kernel of test and training samples.
    y : ndarray of shape (n,)
        Labels, -1.0 or 1.0.
    weight : ndarray of shape (n,)
        Factors of ``C``.
    Cs : ndarray of shape (n_C,)
        Ascending values.
    tol : float
        Tolerance of :func:`smo`.
    max_iter : int
        Maximum number of steps.
    decision : ndarray of shape (n_C, n_test)
        Overwritten with decision values, positive for ``y = 1``.

    Returns
    -------
    converged : bool
        Whether every solution met its tolerance.
    """
    n, n_test = len(y), len(K_test)
    Q = np.empty((n, n), dtype=np.float32)
    diagonal = np.empty(n)
    for i in range(n):
        diagonal[i] = K[i, i]
        for j in range(n):
            Q[i, j] = y[i] * y[j] * K[i, j]
    alpha, gradient = np.empty(n), np.empty(n)
    all_converged = True
    clipped = True
    for k in range(len(Cs)):
        if k > 0 and not clipped:
            decision[k] = decision[k - 1]
            continue
        alpha[:] = 0.0
        gradient[:] = -1.0
        rho, clipped, converged = smo(
            Q, diagonal, y, weight * Cs[k], tol, max_iter, alpha, gradient
        )
        all_converged = all_converged and converged
        for r in range(n_test):
            value = -rho
            for t in range(n):
                if alpha[t] > 0:
                    value += K_test[r, t] * alpha[t] * y[t]
            decision[k, r] = value
    return all_converged


def warmup():
    """Compile the kernels of this module on tiny data."""
    K = np.eye(2)
    y = np.array([1.0, -1.0])
    for frozen in (False, True):
        for array in (K, y):
            array.setflags(write=not frozen)
        Q = K.astype(np.float32)
        smo(Q, y, y, np.ones(2), 1e-3, 9, np.zeros(2), np.full(2, -1.0))
        smo_path(K, K, y, np.ones(2), np.ones(1), 1e-3, 9, np.empty((1, 2)))
