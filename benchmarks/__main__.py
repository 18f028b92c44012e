"""Run every benchmark: ``python -m benchmarks [--quick] [NAME ...]``."""

import argparse
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


def main():
    """Run them one after the other, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds, nothing saved")
    parser.add_argument("names", nargs="*", help="words the modules' names hold")
    options = parser.parse_args()
    failed = []
    for module in discover(options.names):
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
