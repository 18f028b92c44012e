"""Support vector machines on precomputed kernels, many settings at a time."""

from itertools import combinations

import numpy as np

from skgeo.kernels.smo import smo_path

__all__ = ["one_versus_one", "ovr_decision", "vote"]

# libsvm's tolerance.
_TOL = 1e-3

# Samples from which libsvm's shrinking wins over the plain kernel.
LARGEST_SMO = 500


def one_versus_one(
    K,
    codes,
    n_classes,
    K_test,
    Cs,
    *,
    weight=None,
    tol=_TOL,
    other=None,
    largest=LARGEST_SMO,
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
        Inverse regularisations.
    weight : ndarray of shape (n,), optional
        Positive factors of C.
    tol : float, default=1e-3
        Stopping tolerance, libsvm's by default.
    other : callable, optional
        Solver of large problems, ``other(K, y, weight, C, tol, K_test)``, which returns
        decision values. Without one the own kernel solves all.
    largest : int, default=500
        Samples of a pair of classes up to which the own kernel is used.

    Returns
    -------
    decision : ndarray of shape (n_C, n_test, n_pairs)
        Positive for the first class of a pair; pairs in the order of
        ``itertools.combinations``.

    Raises
    ------
    RuntimeError
        If there is no other solver and the own one misses the tolerance.
    """
    weight = np.ones(len(K)) if weight is None else weight
    Cs = np.asarray(Cs, dtype=float)
    order = np.argsort(Cs)
    pairs = list(combinations(range(n_classes), 2))
    members = [np.flatnonzero(codes == k) for k in range(n_classes)]
    out = np.empty((len(Cs), len(K_test), len(pairs)))
    values = np.empty((len(Cs), len(K_test)))
    for p, (a, b) in enumerate(pairs):
        # Grouped by class, the first one positive: libsvm's order, so that its
        # choices among equals are made alike.
        index = np.concatenate([members[a], members[b]])
        y = np.ones(len(index))
        y[len(members[a]) :] = -1.0
        K_pair = np.ascontiguousarray(K[np.ix_(index, index)])
        K_other = np.ascontiguousarray(K_test[:, index])
        solved = (other is None or len(index) <= largest) and smo_path(
            K_pair,
            K_other,
            y,
            weight[index],
            Cs[order],
            tol,
            100_000_000 // len(index),
            values,
        )
        if not solved and other is None:
            raise RuntimeError(f"The support vector machine missed tol={tol}.")
        if not solved:
            for k, C in enumerate(Cs[order]):
                values[k] = other(K_pair, y, weight[index], C, tol, K_other)
        out[order, :, p] = values
    return out


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
