"""The package itself: import cost, public names, warm-up, docstrings."""

import dataclasses
import doctest
import importlib
import json
import pkgutil
import subprocess
import sys

import pytest
from joblib import parallel_config
from numpydoc.validate import validate

import skgeo
from skgeo import kernels
from skgeo.kernels import kernel_modules, warmup_all
from skgeo.kernels._jit import KERNELS
from skgeo.testing import all_estimators

PACKAGES = [
    name
    for name in (
        "cluster",
        "datasets",
        "decomposition",
        "dynamics",
        "eeg",
        "linear_model",
        "testing",
    )
    if importlib.util.find_spec(f"skgeo.{name}")
]
# The rules of the docstrings: every object, parameter and return value is described.
RULES = {
    "GL03", "GL05", "GL07", "GL08", "GL10", "SS03", "SS04",
    "PR01", "PR02", "PR03", "PR04", "PR06", "PR07", "PR10", "RT01", "RT03", "YD01",
}  # fmt: skip


def public_objects():
    for package in PACKAGES:
        module = importlib.import_module(f"skgeo.{package}")
        for name in module.__all__:
            yield f"skgeo.{package}.{name}"


def test_import_is_light():
    code = (
        "import sklearn, sys, time, json; before = set(sys.modules); "
        "t = time.perf_counter(); import skgeo; t = time.perf_counter() - t; "
        "print(json.dumps([t, sorted(set(sys.modules) - before)]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    _, loaded = json.loads(out.stdout)
    heavy = {
        "numba",
        "pyriemann",
        "moabb",
        "mne",
        "matplotlib",
        "cvxpy",
        "scipy.signal",
    }
    assert not heavy & set(loaded)
    # What is loaded bounds the time, and does not depend on the machine's load.
    assert len(loaded) < 10


def test_version_is_a_version():
    assert skgeo.__version__.split(".")[0].isdigit()
    assert "skgeo" in dir(skgeo) or "eeg" in dir(skgeo)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = skgeo.nonsense


def test_warmup_reaches_every_kernel():
    assert warmup_all() == len(KERNELS) > 0
    compiled = [k for k in KERNELS if hasattr(k, "signatures")]
    missed = [k.py_func.__qualname__ for k in compiled if not k.signatures]
    assert not missed, f"warmup() of their modules misses {missed}"
    assert all(hasattr(module, "warmup") for module in kernel_modules())


def test_processes_share_the_modules_out(monkeypatch):
    compiled = []
    monkeypatch.setattr(kernels, "_warmup", compiled.append)
    with parallel_config(backend="threading"):
        assert skgeo.warmup(n_jobs=2) == len(KERNELS)
    modules = [module.__name__ for module in kernel_modules()]
    assert sorted(f"skgeo.kernels.{name}" for name in compiled) == modules


@pytest.mark.parametrize("name", list(public_objects()))
def test_docstrings(name):
    package, _, last = name.rpartition(".")
    try:
        getattr(importlib.import_module(package), last)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] != "skgeo":
            pytest.skip(f"needs {error.name}")
        raise
    rules = set(RULES)
    if dataclasses.is_dataclass(getattr(importlib.import_module(package), last)):
        rules -= {"PR01"}  # a result: its fields are described as attributes
    found = [
        f"{code}: {text}" for code, text in validate(name)["errors"] if code in rules
    ]
    assert not found, f"{name}: " + "; ".join(found)


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_docstrings_of_methods(name, cls):
    for method in vars(cls):
        value = getattr(cls, method, None)
        if method.startswith("_") or not callable(value):
            continue
        if method.startswith("set_") and method.endswith("_request"):
            continue
        path = f"{cls.__module__}.{name}.{method}"
        found = [f"{c}: {t}" for c, t in validate(path)["errors"] if c in RULES]
        assert not found, f"{path}: " + "; ".join(found)


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_estimators_have_examples(name, cls):
    assert ">>> " in cls.__doc__


def submodules():
    for info in pkgutil.walk_packages(skgeo.__path__, "skgeo."):
        if not info.name.startswith("skgeo.cli"):
            yield info.name


# Modules that import without MOABB, but whose examples use it.
EXAMPLES_OF_MOABB = {
    "skgeo.datasets._eeg.register",
    "skgeo.eeg._moabb.evaluation",
    "skgeo.eeg._moabb.pipelines",
    "skgeo.eeg._moabb.report",
    "skgeo.plotting._signals",
}


@pytest.mark.parametrize("name", list(submodules()))
def test_examples_in_docstrings_run(name):
    if name in EXAMPLES_OF_MOABB:
        pytest.importorskip("moabb", reason="extra eeg")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] != "skgeo":
            pytest.skip(f"needs {error.name}")
        raise
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0
