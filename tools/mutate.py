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
import re
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
# Kernel module -> tests that use it.
TESTS_OF_KERNELS = {
    "coding": "decomposition",
    "etdrk4": "dynamics",
    "kmeans": "cluster",
    "kmeans_cuts": "cluster",
    "lagged": "eeg",
    "lorenz": "dynamics",
    "medoids": "cluster",
    "orthogonal_dictionary": "decomposition",
    "rvm": "linear_model",
    "sdp_passes": "cluster",
    "serial_filter": "dynamics",
    "smo": "eeg",
    "softmax": "decomposition",
}
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


def tests_for(copy, relative):
    """List the test files that should notice a change, the likeliest first."""
    parts = pathlib.Path(relative).parts
    package = TESTS_OF_KERNELS[parts[-1][:-3]] if parts[0] == "kernels" else parts[0]
    module = ast.parse((copy / "skgeo" / relative).read_text(encoding="utf-8"))
    defined = (ast.FunctionDef, ast.ClassDef)
    names = {node.name for node in module.body if isinstance(node, defined)}
    names.add(parts[-1][:-3])

    def mentions(path):
        words = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        return len(words & names)

    files = sorted((copy / "tests" / package).rglob("test_*.py"))
    files.sort(key=mentions, reverse=True)
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
                    [*command, *tests_for(copy, relative)],
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
