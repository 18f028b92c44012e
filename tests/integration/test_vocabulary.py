"""One word for one thing in all families."""

import inspect
import re

import pytest

from skgeo.testing import all_estimators
from tests.integration.test_processes import all_fitted

# What other libraries call it -> what scikit-learn and skgeo call it.
SYNONYMS = {
    "seed": "random_state",
    "random_seed": "random_state",
    "rng": "random_state",
    "maxiter": "max_iter",
    "n_iter": "max_iter",
    "n_iterations": "max_iter",
    "n_epochs": "max_iter",
    "eps": "tol",
    "tolerance": "tol",
    "n_threads": "n_jobs",
    "n_workers": "n_jobs",
    "n_restarts": "n_init",
    "intercept": "fit_intercept",
    "k": "n_clusters or n_components",
    "n_atoms": "n_components",
    "verbose": "callbacks",
}


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_parameters(name, cls):
    parameters = inspect.signature(cls).parameters
    for parameter in parameters:
        assert parameter not in SYNONYMS, f"call it {SYNONYMS[parameter]}"
    kinds = {p.kind for p in parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    # Two things a reader remembers by position, no more.
    positional = [
        p
        for p in parameters.values()
        if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    assert len(positional) <= 2
    assert all(p.default is not inspect.Parameter.empty for p in parameters.values())


def attributes(cls):
    doc = inspect.getdoc(cls)
    found = re.search(
        r"^Attributes\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}|\Z)", doc, re.S | re.M
    )
    lines = found[1].splitlines() if found else []
    heads = [line.split(" : ")[0] for line in lines if line[:1].strip()]
    return {name for head in heads for name in head.split(", ")}


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_attributes(name, cls):
    found = attributes(cls)
    assert found
    assert all(name.endswith("_") for name in found), found
    if "max_iter" in inspect.signature(cls).parameters:
        assert "n_iter_" in found
    # Input that was seen: columns of a table, or the shape of a trial.
    assert found & {"n_features_in_", "n_channels_in_"}


# Attributes that only some settings have; their descriptions say which.
CONDITIONAL = {
    "channel_names_in_",
    "coef_",
    "coef_std_",
    "condition_",
    "domains_",
    "feature_names_in_",
    "filter_",
    "dual_coef_",
    "relevance_",
    "relevance_vectors_",
    "support_",
    "weak_design_",
}


def test_documented_attributes_are_there():
    for model, _ in all_fitted():
        documented = attributes(type(model))
        missing = {name for name in documented if not hasattr(model, name)}
        assert missing <= CONDITIONAL, (type(model).__name__, missing)
        fitted = {k for k in vars(model) if k.endswith("_") and k[0] != "_"}
        assert fitted <= documented, (type(model).__name__, fitted - documented)
