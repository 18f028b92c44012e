"""scikit-learn's estimator checks over every public estimator of 2-D input.

Each family lists its instances and its expected failures, with reasons, in
``tests/<package>/common_cases.py``.
"""

import importlib
import inspect
import pathlib

import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgeo.testing import all_estimators

HERE = pathlib.Path(__file__).parent
CASES = [
    importlib.import_module(
        ".".join(path.relative_to(HERE.parent).with_suffix("").parts)
    )
    for path in sorted(HERE.rglob("common_cases.py"))
]
INSTANCES = [estimator for case in CASES for estimator in case.ESTIMATORS]
EXPECTED = {
    name: checks for case in CASES for name, checks in case.EXPECTED_FAILURES.items()
}


def expected_failures(estimator):
    return EXPECTED.get(type(estimator).__name__, {})


# Older scikit-learn leaves strictness to pytest's settings.
STRICT = (
    {"xfail_strict": True}
    if "xfail_strict" in inspect.signature(parametrize_with_checks).parameters
    else {}
)

if INSTANCES:

    @parametrize_with_checks(
        INSTANCES, expected_failed_checks=expected_failures, **STRICT
    )
    def test_sklearn_checks(estimator, check):
        check(estimator)


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_every_estimator_is_checked(name, cls):
    checked_here = {type(estimator).__name__ for estimator in INSTANCES}
    checked_as_trials = {
        name for case in CASES for name in getattr(case, "THREE_D_NAMES", ())
    }
    assert name in checked_here | checked_as_trials


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_three_d_estimators_say_so(name, cls):
    listed = {name for case in CASES for name in getattr(case, "THREE_D_NAMES", ())}
    instances = [e for e in INSTANCES if type(e) is cls] or [cls()]
    assert get_tags(instances[0]).input_tags.two_d_array == (name not in listed)


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_every_parameter_has_a_rule(name, cls):
    instances = [e for e in INSTANCES if type(e) is cls] or [cls()]
    assert set(cls._param_rules) == set(instances[0].get_params(deep=False))
