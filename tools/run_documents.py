"""Run the code of README, guide and tutorials, each page in a fresh process.

``PYTHONPATH=. python tools/run_documents.py [page ...]``. The blocks of a page are run
in order, as a reader would paste them; a failure stops with the page and its output.
Blocks that need what the page cannot know (a dask array, files of the reader's own) get
it from ``GIVEN``. Warnings of skgeo and deprecations count as failures, but for the
pages that show a warning on purpose.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs/guide").glob("*.md")),
    *sorted((ROOT / "examples/tutorials").glob("plot_*.py")),
]
GIVEN = {
    # What the text around the code says the reader has.
    "cluster_computing": """
import dask.array
import numpy as np
from skgeo.decomposition import OnlineOrthogonalDictionary

X = dask.array.from_array(
    np.random.default_rng(0).standard_normal((400, 6)) ** 3, chunks=(100, 6)
)
model = OnlineOrthogonalDictionary(random_state=0)
""",
    "moabb": """
import numpy as np

X = np.random.default_rng(0).standard_normal((20, 3, 200))
y = np.repeat(["left_hand", "right_hand"], 10)
subject, session = np.full(20, "1"), np.full(20, "1")
""",
}
WARNS_ON_PURPOSE = {"progress"}  # a callback stops the fit: ConvergenceWarning
# MOABB and MNE speak to their developers on these pages.
ALLOWED = {"moabb", "cluster_computing", "plot_bci_moabb", "plot_own_recordings"}


def blocks(text):
    """Return the Python code of a page, with the place of each block."""
    return [
        (text[: match.start()].count("\n") + 2, match[1])
        for match in re.finditer(r"^```python\n(.*?)^```$", text, re.S | re.M)
    ]


def script(page):
    """Return the code of a page as one script."""
    if page.suffix == ".py":
        return page.read_text("utf-8")
    found = blocks(page.read_text("utf-8"))
    if not found:
        return None
    parts = [GIVEN.get(page.stem, "")]
    parts += [f"# {page.name}, line {line}\n{code}" for line, code in found]
    return "\n".join(parts)


def run(page):
    """Run a page; return its output, or raise RuntimeError with it."""
    code = script(page)
    if code is None:
        return ""
    flags = []
    if page.stem not in WARNS_ON_PURPOSE | ALLOWED:
        flags = ["-W", "error::UserWarning", "-W", "error::FutureWarning"]
    with tempfile.TemporaryDirectory() as folder:
        # Not the name of the page: moabb.py would hide the package.
        path = pathlib.Path(folder) / f"page_{page.stem}.py"
        path.write_text(code, "utf-8")
        paths = os.pathsep.join(
            p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p
        )
        done = subprocess.run(
            [sys.executable, *flags, str(path)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths, "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"{page.name} fails:\n{done.stdout}{done.stderr}")
    return done.stdout


def main(names):
    """Run the pages of these names, or all."""
    for page in PAGES:
        if names and page.stem not in names:
            continue
        start = time.perf_counter()
        run(page)
        print(f"{page.name}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
