"""The layers: estimator -> solver -> kernel, and nothing the other way."""

import ast
import pathlib

import pytest

import skgeo

ROOT = pathlib.Path(skgeo.__file__).parent
ESTIMATORS = ("cluster", "decomposition", "dynamics", "eeg", "linear_model")
HEAVY = {"moabb", "mne", "matplotlib", "cvxpy", "pandas", "dask", "pysindy", "typer"}

# package -> packages of skgeo it may import (besides itself)
ALLOWED = {
    "kernels": set(),
    "solvers": {"kernels", "utils"},
    "utils": set(),
    "base": {"utils"},
    "testing": {"utils", "base", *ESTIMATORS},
    "datasets": {"utils", "solvers", "kernels"},
    "plotting": {"utils"},
    **{name: {"utils", "base", "solvers", "datasets"} for name in ESTIMATORS},
}
ALLOWED["eeg"] = ALLOWED["eeg"] | {"plotting"}
# One implementation serves two families.
ALLOWED["dynamics"] = ALLOWED["dynamics"] | {"linear_model"}


def modules():
    return sorted(ROOT.rglob("*.py"))


def imports_of(path, top_level_only=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def package_of(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    package = package_of(path)
    if package not in ALLOWED:
        assert package in ("__init__", "__main__", "cli"), f"unknown package {package}"
        return
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "skgeo" and len(parts) > 1 and parts[1] != package:
            target = parts[1]
            if not (ROOT / target).exists() and not (ROOT / f"{target}.py").exists():
                continue  # a name of skgeo itself
            assert target in ALLOWED[package], f"{package} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_solvers_and_kernels_do_not_know_estimators(path):
    if package_of(path) not in ("solvers", "kernels"):
        return
    for name in imports_of(path):
        first = ".".join(name.split(".")[:2])
        assert not name.startswith("sklearn") or first in (
            "sklearn.utils",
            "sklearn.exceptions",
        ), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_optional_packages_are_imported_where_they_are_needed(path):
    if package_of(path) == "cli":
        return
    for name in imports_of(path, top_level_only=True):
        assert name.split(".")[0] not in HEAVY, f"{path}: {name} at import time"


def test_modules_can_be_read_in_one_sitting():
    long = {
        p.name: n for p in modules() if (n := len(p.read_text().splitlines())) > 500
    }
    assert not long
