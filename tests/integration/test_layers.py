"""The layers: estimators above numerics above kernels, and nothing the other way."""

import ast
import functools
import pathlib

import pytest

import skgeo

ROOT = pathlib.Path(skgeo.__file__).parent
FAMILIES = ("cluster", "decomposition", "dynamics", "eeg", "linear_model")
HEAVY = {"moabb", "mne", "matplotlib", "cvxpy", "pandas", "dask", "pysindy", "typer"}
# Modules that are imported only where MNE and MOABB are there.
ON_FIRST_USE = {"motor_imagery", "files", "recordings", "recordings_mne"}

# package -> packages of skgeo it may import (besides itself)
ALLOWED = {
    "kernels": set(),
    "utils": set(),
    "exceptions": set(),
    "_version": set(),
    "base": {"utils"},
    "testing": {"utils", "base", *FAMILIES},
    "datasets": {"utils", "kernels"},
    "plotting": {"utils"},
    **{name: {"utils", "base", "kernels", "datasets"} for name in FAMILIES},
}
ALLOWED["eeg"] = ALLOWED["eeg"] | {"plotting"}
# One implementation serves two families.
ALLOWED["dynamics"] = ALLOWED["dynamics"] | {"linear_model"}


def modules():
    return sorted(ROOT.rglob("*.py"))


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path, top_level_only=False):
    tree = tree_of(path)
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
        assert package in ("__init__", "__main__", "_show_versions", "cli"), (
            f"unknown package {package}"
        )
        return
    for name in imports_of(path):
        parts = name.split(".")
        assert parts != ["skgeo"], f"{path} imports the whole package"
        if parts[0] == "skgeo" and len(parts) > 1 and parts[1] != package:
            target = parts[1]
            if not (ROOT / target).exists() and not (ROOT / f"{target}.py").exists():
                continue  # a name of skgeo itself
            if target in ("exceptions", "_version"):
                continue  # below everything
            assert target in ALLOWED[package], f"{package} imports {name}"


def defines_estimator(path):
    """Whether a module defines a class that derives from BaseEstimator."""
    tree = tree_of(path)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = {getattr(b, "id", getattr(b, "attr", "")) for c in classes for b in c.bases}
    return "BaseEstimator" in bases


# Folders of numerics, below the estimators of their package.
NUMERICS = {
    "cluster/_medoids",
    "cluster/_solvers",
    "decomposition/_orthogonal",
    "decomposition/_supervised",
    "dynamics/_assimilation",
    "dynamics/_model_error",
    "eeg/_solvers",
    "linear_model/_kronecker",
    "linear_model/_rvm",
    "linear_model/_trace",
}


@pytest.mark.parametrize("folder", sorted(NUMERICS))
def test_numerics_do_not_know_estimators(folder):
    estimators = {
        ".".join(p.relative_to(ROOT.parent).with_suffix("").parts)
        for p in modules()
        if p.parent.parent == ROOT and defines_estimator(p)
    }
    assert estimators
    for path in sorted((ROOT / folder).glob("*.py")):
        for name in imports_of(path):
            assert name not in estimators, f"{path} imports the estimator of {name}"


def test_numerics_are_all_listed():
    folders = {
        str(p.parent.relative_to(ROOT)).replace("\\", "/")
        for family in FAMILIES
        for p in (ROOT / family).glob("_*/__init__.py")
    }
    # The rest holds estimators or drives them.
    assert folders - NUMERICS == {"dynamics/_library", "eeg/_moabb"}


def test_modules_do_not_import_each_other_in_a_circle():
    def dotted(path):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        return ".".join(parts).removesuffix(".__init__")

    graph = {dotted(path): set(imports_of(path, True)) for path in modules()}
    graph = {name: (found & set(graph)) - {name} for name, found in graph.items()}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for other in sorted(graph[name]):
            visit(other)
        path.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_optional_packages_are_imported_where_they_are_needed(path):
    if package_of(path) == "cli" or path.stem in ON_FIRST_USE:
        return
    for name in imports_of(path, top_level_only=True):
        assert name.split(".")[0] not in HEAVY, f"{path}: {name} at import time"


def code_lines(path):
    """Lines of code: neither blank, nor comment, nor docstring."""
    tree = tree_of(path)
    code, docs = set(), set()
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            code.update(range(node.lineno, node.end_lineno + 1))
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docs.update(range(body[0].lineno, body[0].end_lineno + 1))
    lines = path.read_text(encoding="utf-8").splitlines()
    return sum(
        bool(lines[i - 1].strip()) and not lines[i - 1].lstrip().startswith("#")
        for i in code - docs
    )


def test_modules_can_be_read_in_one_sitting():
    long = {str(p): n for p in modules() if (n := code_lines(p)) > 400}
    assert not long
