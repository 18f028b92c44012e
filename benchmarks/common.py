"""Timing and bookkeeping shared by the benchmarks.

A benchmark times skgeo and its peer in one process, in turn, and writes rows of
plain numbers, each with its accuracy, to ``benchmarks/results/<name>.json`` together
with the set-up they were measured in.
"""

import json
import os
import pathlib
import platform
import statistics
import time

from skgeo.utils.files import atomic_write

RESULTS = pathlib.Path(__file__).parent / "results"


def timed(function, *, repeat=3, min_time=0.0):
    """Time a call: first (cold or cached) apart from the later (warm) ones.

    Returns
    -------
    value : object
        What the last call returned.
    times : dict
        ``first_cpu``, ``first_wall``, ``cpu``, ``wall`` (medians of the warm calls) in
        seconds. CPU seconds are those of the whole process, all threads.
    """
    cpu, wall = [], []
    start = time.perf_counter()
    while len(cpu) < repeat + 1 or time.perf_counter() - start < min_time:
        c, w = time.process_time(), time.perf_counter()
        value = function()
        cpu.append(time.process_time() - c)
        wall.append(time.perf_counter() - w)
    return value, {
        "first_cpu": cpu[0],
        "first_wall": wall[0],
        "cpu": statistics.median(cpu[1:]),
        "wall": statistics.median(wall[1:]),
    }


def interleaved(functions, *, repeat=5):
    """Time several calls in turn, so that a drift of the machine hits all alike.

    Parameters
    ----------
    functions : dict of str to callable
        The contestants; each is called once beforehand to warm up.
    repeat : int, default=5
        Rounds.

    Returns
    -------
    values : dict of str to object
        What each returned last.
    times : dict of str to dict
        ``cpu`` and ``wall``: medians in seconds; ``least_cpu``; ``first_cpu``,
        ``first_wall``.
    """
    values, cpu, wall = {}, {k: [] for k in functions}, {k: [] for k in functions}
    for _ in range(repeat + 1):
        for key, function in functions.items():
            c, w = time.process_time(), time.perf_counter()
            values[key] = function()
            cpu[key].append(time.process_time() - c)
            wall[key].append(time.perf_counter() - w)
    times = {
        key: {
            "first_cpu": cpu[key][0],
            "first_wall": wall[key][0],
            "cpu": statistics.median(cpu[key][1:]),
            "wall": statistics.median(wall[key][1:]),
            "least_cpu": min(cpu[key][1:]),
        }
        for key in functions
    }
    return values, times


def setup():
    """Describe the machine and the software of a run."""
    import importlib.metadata as metadata

    versions = {}
    for package in ("numpy", "scipy", "scikit-learn", "numba", "pyriemann", "moabb"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    cpu = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [s for s in info.read_text().splitlines() if s.startswith("model name")]
        cpu = names[0].split(":")[1].strip() if names else cpu
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", "default"),
        "versions": versions,
        "date": time.strftime("%Y-%m-%d"),
    }


def save(name, rows, *, quick=False, **extra):
    """Print rows and write them to ``results/<name>.json`` (not in quick mode)."""
    for row in rows:
        print("  ".join(f"{key}={_short(value)}" for key, value in row.items()))
    if quick:
        return
    RESULTS.mkdir(exist_ok=True)
    content = {"benchmark": name, "setup": setup(), **extra, "rows": rows}
    text = json.dumps(content, indent=1, default=_plain) + "\n"
    atomic_write(RESULTS / f"{name}.json", text)


def other_rows(name, column, values):
    """Rows of ``results/<name>.json`` whose column holds none of some values."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return []
    rows = json.loads(path.read_text())["rows"]
    return [row for row in rows if row[column] not in values]


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _short(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)
