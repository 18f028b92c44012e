"""Support vector machines on precomputed kernels, many settings at a time."""

import warnings
from itertools import combinations

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from skgeo.kernels.smo import smo, smo_path
from skgeo.utils.warn import warn_user

__all__ = ["fit_machines", "one_versus_one", "ovr_decision", "vote"]

# libsvm's tolerance, for scores that equal its own.
_TOL = 1e-3

# Of machines that are kept: what order trials come in no longer shows then.
_FIT_TOL = 1e-6

# Samples times steps after which a machine is given up.
_MAX_WORK = 100_000_000

# Samples from which libsvm's shrinking wins over the plain kernel.
LARGEST_SMO = 500


def one_versus_one(
    K, codes, n_classes, K_test, Cs, *, weight=None, tol=_TOL, largest=LARGEST_SMO
):
    """Decision values of one-against-one machines, for several C.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Training kernel.
    codes : ndarray of shape (n,)
        Class of each training sample, ``0 .. n_classes - 1``, all present.
    n_classes : int
        Number of classes.
    K_test : ndarray of shape (n_test, n)
        Kernel of test and training samples.
    Cs : sequence of float
        Inverse regularizations.
    weight : ndarray of shape (n,), optional
        Positive factors of C.
    tol : float, default=1e-3
        Stopping tolerance, libsvm's by default.
    largest : int, default=500
        Samples of a pair of classes up to which the own kernel is used; libsvm's
        shrinking wins above.

    Returns
    -------
    decision : ndarray of shape (n_C, n_test, n_pairs)
        Positive for the first class of a pair; pairs in the order of
        ``itertools.combinations``.
    """
    weight = np.ones(len(K)) if weight is None else weight
    Cs = np.asarray(Cs, dtype=float)
    order = np.argsort(Cs)
    out = np.empty((len(Cs), len(K_test), n_classes * (n_classes - 1) // 2))
    values = np.empty((len(Cs), len(K_test)))
    for p, (index, y) in enumerate(_pairs(codes, n_classes)):
        K_pair = np.ascontiguousarray(K[np.ix_(index, index)])
        K_other = np.ascontiguousarray(K_test[:, index])
        solved = len(index) <= largest and smo_path(
            K_pair,
            K_other,
            y,
            weight[index],
            Cs[order],
            tol,
            _MAX_WORK // len(index),
            values,
        )
        if not solved:
            for k, C in enumerate(Cs[order]):
                coef, intercept = _libsvm(K_pair, y, weight[index], C, tol)
                values[k] = K_other @ coef + intercept
        out[order, :, p] = values
    return out


def _pairs(codes, n_classes):
    """Yield the samples of each pair of classes and their labels, 1.0 and -1.0.

    Grouped by class, the first one positive: libsvm's order, so that its choices
    among equals are made alike.
    """
    members = [np.flatnonzero(codes == k) for k in range(n_classes)]
    for a, b in combinations(range(n_classes), 2):
        y = np.ones(len(members[a]) + len(members[b]))
        y[len(members[a]) :] = -1.0
        yield np.concatenate([members[a], members[b]]), y


def _libsvm(K, y, weight, C, tol):
    """Coefficients and intercept of one machine; the iterations are capped."""
    # Steps of libsvm cost n as ours do; large C on equal trials would never end.
    cap = max(1_000_000, _MAX_WORK // len(K))
    machine = SVC(C=C, kernel="precomputed", tol=tol, max_iter=cap)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(K, y, sample_weight=weight)
    if machine.fit_status_:
        warn_user(
            f"The support vector machine stopped after {cap} steps, before its "
            f"tolerance of {tol:g}: C={C:g} is large for these trials. Lower C.",
            ConvergenceWarning,
        )
    coef = np.zeros(len(K))
    coef[machine.support_] = machine.dual_coef_[0]
    return coef, float(machine.intercept_[0])


def fit_machines(
    K, codes, n_classes, C, *, weight=None, tol=_FIT_TOL, largest=LARGEST_SMO
):
    """Fit one-against-one machines.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Training kernel.
    codes : ndarray of shape (n,)
        Class of each training sample, ``0 .. n_classes - 1``, all present.
    n_classes : int
        Number of classes.
    C : float
        Inverse regularization.
    weight : ndarray of shape (n,), optional
        Positive factors of C.
    tol : float, default=1e-6
        Stopping tolerance.
    largest : int, default=500
        As in :func:`one_versus_one`.

    Returns
    -------
    coef : ndarray of shape (n, n_pairs)
        Signed multipliers: ``K_test @ coef + intercept`` are the decision values,
        positive for the first class of a pair.
    intercept : ndarray of shape (n_pairs,)
        Intercepts.

    Warns
    -----
    ConvergenceWarning
        If a machine misses the tolerance.
    """
    n_pairs = n_classes * (n_classes - 1) // 2
    weight = np.ones(len(K)) if weight is None else weight
    coef, intercept = np.zeros((len(K), n_pairs)), np.zeros(n_pairs)
    for p, (index, y) in enumerate(_pairs(codes, n_classes)):
        K_pair = np.ascontiguousarray(K[np.ix_(index, index)])
        if len(index) <= largest:
            Q = (y[:, None] * y * K_pair).astype(np.float32)
            alpha, gradient = np.zeros(len(y)), np.full(len(y), -1.0)
            rho, _, converged = smo(
                Q,
                np.diagonal(K_pair).copy(),
                y,
                C * weight[index],
                tol,
                _MAX_WORK // len(index),
                alpha,
                gradient,
            )
            if converged:
                coef[index, p], intercept[p] = alpha * y, -rho
                continue
        coef[index, p], intercept[p] = _libsvm(K_pair, y, weight[index], C, tol)
    return coef, intercept


def vote(decision, n_classes):
    """Class codes by libsvm's vote; the first of equals wins.

    Parameters
    ----------
    decision : ndarray of shape (..., n_pairs)
        From :func:`one_versus_one`.
    n_classes : int
        Number of classes.

    Returns
    -------
    codes : ndarray of shape (...)
        Predicted classes.
    """
    votes, _ = _tally(decision, n_classes)
    return votes.argmax(-1)


def _tally(decision, n_classes):
    votes = np.zeros((*decision.shape[:-1], n_classes))
    confidence = np.zeros_like(votes)
    for p, (a, b) in enumerate(combinations(range(n_classes), 2)):
        first = decision[..., p] > 0
        votes[..., a] += first
        votes[..., b] += ~first
        confidence[..., a] += decision[..., p]
        confidence[..., b] -= decision[..., p]
    return votes, confidence


def ovr_decision(decision, n_classes):
    """One column per class, as scikit-learn's ``decision_function_shape="ovr"``.

    Parameters
    ----------
    decision : ndarray of shape (..., n_pairs)
        From :func:`one_versus_one`.
    n_classes : int
        Number of classes.

    Returns
    -------
    values : ndarray of shape (...) or (..., n_classes)
        For two classes one value, positive for class 1.
    """
    if n_classes == 2:
        return -decision[..., 0]
    votes, confidence = _tally(decision, n_classes)
    return votes + confidence / (3 * (np.abs(confidence) + 1))
