"""Names and types as editors and type checkers see them."""

import ast
import importlib
import inspect
import pathlib
import re
import subprocess
import sys

import pytest

import skgeo
from skgeo.testing import all_estimators

CLIENT = pathlib.Path(__file__).with_name("client.py")
ROOT = pathlib.Path(skgeo.__file__).parents[1]
PACKAGES = sorted(set(skgeo.__all__) - {"__version__", "show_versions", "warmup"})


def run_mypy(*arguments, cwd=ROOT):
    pytest.importorskip("mypy")
    return subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    ).stdout


def test_mypy_finds_every_mistake_of_a_client(tmp_path):
    lines = CLIENT.read_text().splitlines()
    marks = {i for i, line in enumerate(lines, 1) if line.endswith("# error")}
    assert len(marks) >= 20
    out = run_mypy("--config-file=", "--cache-dir", tmp_path, CLIENT)
    found = {int(m[1]) for m in re.finditer(r"client\.py:(\d+): error: ", out)}
    assert found == marks, out


def test_mypy_passes_over_the_package(tmp_path):
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("run from a checkout")
    out = run_mypy("--cache-dir", tmp_path)
    assert "Success" in out, out


@pytest.mark.parametrize("package", PACKAGES)
def test_editors_offer_the_public_names(package):
    jedi = pytest.importorskip("jedi")
    code = f"from skgeo.{package} import "
    script = jedi.Script(code, project=jedi.Project(ROOT, smart_sys_path=False))
    offered = {c.name for c in script.complete(1, len(code))}
    public = importlib.import_module(f"skgeo.{package}").__all__
    assert set(public) <= offered


@pytest.mark.parametrize(("name", "cls"), all_estimators())
def test_editors_offer_the_methods_of_estimators(name, cls):
    jedi = pytest.importorskip("jedi")
    package = cls.__module__.split(".")[1]
    code = f"from skgeo.{package} import {name}\n{name}()."
    script = jedi.Script(code, project=jedi.Project(ROOT, smart_sys_path=False))
    offered = {c.name for c in script.complete(2, len(name) + 3)}
    public = {m for m in vars(cls) if not m.startswith("_") and callable(vars(cls)[m])}
    public -= {m for m in public if re.fullmatch(r"set_\w+_request", m)}
    assert public <= offered


def public_functions():
    """Every public function, constructor and public method, with its syntax tree."""
    for package in PACKAGES:
        module = importlib.import_module(f"skgeo.{package}")
        for name in module.__all__:
            try:
                thing = getattr(module, name)
            except ModuleNotFoundError:  # needs an extra, which is not installed
                continue
            if inspect.isfunction(thing):
                yield f"{package}.{name}", thing
            elif inspect.isclass(thing) and thing.__module__.startswith("skgeo"):
                for key, value in vars(thing).items():
                    value = inspect.unwrap(getattr(value, "fn", value))
                    if not inspect.isfunction(value):
                        continue
                    generated = "<string>" in value.__code__.co_filename
                    ours = value.__module__.startswith("skgeo") and not generated
                    if ours and (key == "__init__" or not key.startswith("_")):
                        yield f"{package}.{name}.{key}", value


@pytest.mark.parametrize(("name", "function"), list(public_functions()))
def test_the_public_surface_is_annotated(name, function):
    hints = function.__annotations__
    parameters = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.name not in ("self", "cls")
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    missing = [p.name for p in parameters if p.name not in hints]
    assert not missing, f"{name}: no annotation of {missing}"
    assert "return" in hints or name.endswith("__init__"), f"{name}: no return type"


def loaded_by(module, than):
    """Names of the modules that an import loads beyond those of another one."""
    code = (
        f"import sys, {than}; before = set(sys.modules); import {module}; "
        "print(sorted(set(sys.modules) - before))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return set(ast.literal_eval(out))


OPTIONAL = {"mne", "moabb", "matplotlib", "cvxpy", "pandas", "dask", "pysindy"}


def test_import_of_a_family_loads_no_other():
    loaded = loaded_by("skgeo.cluster", "sklearn.cluster")
    assert "skgeo.cluster" in loaded
    for other in ("eeg", "dynamics", "decomposition", "linear_model", "datasets"):
        assert f"skgeo.{other}" not in loaded
    assert not OPTIONAL & loaded


def test_data_sets_leave_mne_and_moabb_alone():
    loaded = loaded_by("skgeo.datasets", "sklearn.cluster")
    assert "skgeo.datasets" in loaded
    assert not OPTIONAL & loaded
