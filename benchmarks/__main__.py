"""Run every benchmark: ``python -m benchmarks [--quick] [NAME ...]``.

Benchmarks on recordings that are not part of skgeo need the folder SKGEO_TEST_DATA. In
quick mode, which is a smoke test and saves nothing, they are passed over without it.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent


def discover(names):
    """List the benchmark modules whose name holds one of some words (all if none)."""
    modules = [
        f"benchmarks.{path.parent.name}.{path.stem}"
        for path in sorted(HERE.glob("*/bench_*.py"))
    ]
    return [m for m in modules if not names or any(n in m for n in names)]


def recordings():
    """Return the folder of recordings, if there is one (tests name it too)."""
    folder = os.environ.get("SKGEO_TEST_DATA")
    return folder if folder and pathlib.Path(folder).is_dir() else None


def needs_recordings(module):
    """Whether a benchmark reads recordings."""
    source = (HERE.parent / module.replace(".", "/")).with_suffix(".py").read_text()
    return "SKGEO_" in source or "benchmarks.eeg.recordings" in source


def main():
    """Run them one after the other, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds, nothing saved")
    parser.add_argument("names", nargs="*", help="words the modules' names hold")
    options = parser.parse_args()
    failed = []
    for module in discover(options.names):
        if options.quick and not recordings() and needs_recordings(module):
            print(f"== {module}: passed over, SKGEO_TEST_DATA is not set", flush=True)
            continue
        command = [
            sys.executable,
            "-m",
            module,
            *(["--quick"] if options.quick else []),
        ]
        print(f"== {module}", flush=True)
        start = time.perf_counter()
        status = subprocess.call(command, cwd=HERE.parent)
        print(f"   {time.perf_counter() - start:.0f} s", flush=True)
        if status:
            failed.append(module)
    if failed:
        print("failed: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
