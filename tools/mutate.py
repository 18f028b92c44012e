"""Change one operator or constant at random, and see whether a test notices.

python tools/mutate.py --count 20 --seed 1             # numerics and kernels
python tools/mutate.py --only kernels/rvm --count 5

Works in a copy of the checkout. Each mutation runs the tests of its package until one
fails; those that survive are printed with their line, to be read by a person: some are
equivalent (a tolerance, a buffer size), the others want a test.
"""

import argparse
import ast
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = (
    "kernels",
    "cluster/_solvers",
    "decomposition/_orthogonal",
    "decomposition/_supervised",
    "dynamics/_assimilation",
    "dynamics/_library",
    "dynamics/_model_error",
    "eeg/_solvers",
    "linear_model/_kronecker",
    "linear_model/_rvm",
    "linear_model/_trace",
    "cluster/_medoids",
)
SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def sites(tree):
    """List what can be changed: (node, name of the field, new value)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)):
            if type(node.op) in SWAPS:
                found.append((node, "op", SWAPS[type(node.op)]()))
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            found.append((node, "ops", [SWAPS[type(node.ops[0])](), *node.ops[1:]]))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            value = node.value
            changed = value + 1 if isinstance(value, int) else value * 3 + (value == 0)
            found.append((node, "value", changed))
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            found.append((node, "value", not node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            other = {"min": "max", "max": "min"}.get(node.func.id)
            if other:
                found.append((node.func, "id", other))
    return [entry for entry in found if hasattr(entry[0], "lineno")]


def mutate(path, rng):
    """Change one place of a file; return what was changed, in words."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    node, field, value = rng.choice(sites(tree))
    line = source.splitlines()[node.lineno - 1].strip()
    before = ast.unparse(node)
    setattr(node, field, value)
    after = ast.unparse(node)
    path.write_text(ast.unparse(tree), encoding="utf-8")
    return node.lineno, line, f"{before}  ->  {after}"


def definitions(path):
    """Names that a module defines at its top level."""
    defined = (ast.FunctionDef, ast.ClassDef)
    module = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in module.body if isinstance(node, defined)}


def users_of(copy, changed):
    """Modules that import a changed one, directly or through others."""
    modules = [p for p in (copy / "skgeo").rglob("*.py") if p.name != "__init__.py"]

    def dotted(path):
        return ".".join(path.relative_to(copy).with_suffix("").parts)

    imports = {
        path: {
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module
            for name in (node.module, *(f"{node.module}.{a.name}" for a in node.names))
        }
        for path in modules
    }
    found, new = set(), {changed}
    while new:
        found |= new
        names = {dotted(path) for path in new}
        new = {path for path in modules if imports[path] & names} - found
    return found


def names_of_skgeo(path):
    """Names that a test file imports from skgeo, modules among them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "")[:5] == "skgeo":
            found |= {node.module.split(".")[-1], *(alias.name for alias in node.names)}
    return found


def tests_for(copy, changed):
    """List the test files that can notice a change, the likeliest first."""
    own = definitions(changed) | {changed.stem}
    users = users_of(copy, changed)
    reached = own.union(*map(definitions, users), (path.stem for path in users))
    packages = {path.relative_to(copy / "skgeo").parts[0] for path in users}
    words = {
        path: names_of_skgeo(path)
        for path in (copy / "tests").rglob("test_*.py")
        if path.relative_to(copy / "tests").parts[0] in packages
    }
    files = sorted(path for path in words if words[path] & reached)
    files.sort(key=lambda path: (-len(words[path] & own), -len(words[path] & reached)))
    return [path.relative_to(copy).as_posix() for path in files]


def main():
    """Mutate, test, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a path below skgeo")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "copy"
        shutil.copytree(
            ROOT,
            copy,
            ignore=shutil.ignore_patterns(".git", ".venv*", "docs", "__pycache__"),
        )
        files = [
            p
            for f in FOLDERS
            for p in sorted((copy / "skgeo" / f).glob("*.py"))
            if p.name[0] != "_" and options.only in p.as_posix()
        ]
        weights = [len(sites(ast.parse(p.read_text()))) for p in files]
        environment = {
            **os.environ,
            "PYTHONPATH": str(copy),
            "NUMBA_CACHE_DIR": str(pathlib.Path(folder) / "numba"),
        }
        for index in range(options.count):
            path = rng.choices(files, weights)[0]
            kept = path.read_text(encoding="utf-8")
            relative = path.relative_to(copy / "skgeo").as_posix()
            line, text, change = mutate(path, rng)
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
            ]
            try:
                status = subprocess.run(
                    [*command, *tests_for(copy, path)],
                    cwd=copy,
                    env=environment,
                    capture_output=True,
                    timeout=600,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                status = 1  # an endless loop is noticed
            path.write_text(kept, encoding="utf-8")
            word = "survives" if status == 0 else "noticed"
            survivors += status == 0
            print(f"{index + 1:4d} {word}: {relative}:{line}: {change}", flush=True)
            if status == 0:
                print(f"          {text}", flush=True)
    print(f"{survivors} of {options.count} survive")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
