"""A check suite for estimators of trials.

scikit-learn's own suite runs a single check on estimators whose input is not 2-D.
This one states what a user of ``Pipeline``, ``GridSearchCV`` and MOABB relies on, for
estimators of trials (n_trials, n_channels, n_times) and of matrices
(n_matrices, n_channels, n_channels).
"""

from functools import partial
from typing import Any

from sklearn.base import clone, is_classifier

import skgeo.testing._trials_contract as contract
import skgeo.testing._trials_input as inputs

__all__ = [
    "check_trials_estimator",
    "parametrize_with_trials_checks",
    "yield_trials_checks",
]


def yield_trials_checks(
    estimator: Any, *, kind: str = "trials", mixing: Any = None
) -> Any:
    """Yield the checks that apply to an estimator.

    Parameters
    ----------
    estimator : estimator
        Unfitted estimator.
    kind : {"trials", "matrices"}, default="trials"
        What the estimator takes.
    mixing : {None, "gains", "orthogonal", "invertible"}, default=None
        Mixings of the channels that must leave predictions unchanged.

    Yields
    ------
    name : str
        Name of the check.
    check : callable
        Call it without arguments; it raises an ``AssertionError`` or whatever the
        estimator raised.
    """
    checks = [*contract.CHECKS, *inputs.CHECKS]
    if is_classifier(estimator):
        checks += [*contract.CLASSIFIER_CHECKS, *inputs.CLASSIFIER_CHECKS]
    if hasattr(estimator, "transform"):
        checks += contract.TRANSFORMER_CHECKS
    for check in checks:
        yield check.__name__, partial(check, clone(estimator), kind)
    if mixing is not None:
        mixed = partial(contract.check_channel_mixing, clone(estimator), kind)
        yield contract.check_channel_mixing.__name__, partial(mixed, mixing=mixing)


def check_trials_estimator(
    estimator: Any,
    *,
    kind: str = "trials",
    mixing: Any = None,
    expected_failures: Any = None,
    on_fail: str = "raise",
) -> Any:
    """Run the checks on an estimator.

    Parameters
    ----------
    estimator : estimator
        Unfitted estimator.
    kind : {"trials", "matrices"}, default="trials"
        What the estimator takes.
    mixing : {None, "gains", "orthogonal", "invertible"}, default=None
        Mixings of the channels that must leave predictions unchanged.
    expected_failures : dict of str to str, optional
        Check -> why it fails. A check that is listed here and passes is a failure:
        the list has to be kept true.
    on_fail : {"raise", "collect"}, default="raise"
        Raise at the first failure, or run on and return all outcomes.

    Returns
    -------
    outcomes : list of dict
        ``check``, ``status`` ("passed", "failed" or "xfail") and ``exception``.

    Raises
    ------
    AssertionError
        If a check fails and ``on_fail="raise"``.

    Examples
    --------
    >>> from skgeo.eeg import DelayEmbedding
    >>> from skgeo.testing import check_trials_estimator
    >>> outcomes = check_trials_estimator(DelayEmbedding(order=2))
    >>> {outcome["status"] for outcome in outcomes}
    {'passed'}
    """
    expected = dict(expected_failures or {})
    outcomes = []
    for name, check in yield_trials_checks(estimator, kind=kind, mixing=mixing):
        error = None
        try:
            check()
        except Exception as caught:  # any exception is an outcome to report
            error = caught
        if name in expected:
            status = "xfail" if error is not None else "failed"
            error = error or AssertionError(f"{name} was expected to fail and passed")
        else:
            status = "passed" if error is None else "failed"
        outcomes.append({"check": name, "status": status, "exception": error})
        if status == "failed" and on_fail == "raise":
            raise AssertionError(f"{estimator!r} fails {name}: {error}") from error
    return outcomes


def parametrize_with_trials_checks(cases: Any) -> Any:
    """Parametrize a pytest function with the checks of several estimators.

    Parameters
    ----------
    cases : list of (estimator, dict)
        Estimators, each with keyword arguments for :func:`yield_trials_checks`.

    Returns
    -------
    decorator : pytest mark
        Parametrizes the argument ``check``, to be called without arguments.
    """
    import pytest

    params = []
    for estimator, options in cases:
        for name, check in yield_trials_checks(estimator, **options):
            label = f"{type(estimator).__name__}-{len(params)}-{name}"
            params.append(pytest.param(check, id=label))
    return pytest.mark.parametrize("check", params)
