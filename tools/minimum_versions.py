"""Install the oldest versions that pyproject.toml allows, and run the tests on them.

python tools/minimum_versions.py               # make an environment and test in it
python tools/minimum_versions.py --extra eeg   # and with the oldest of an extra
python tools/minimum_versions.py --print       # print the pinned requirements only
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import venv

ROOT = pathlib.Path(__file__).resolve().parents[1]


def pinned():
    """Turn every ``name>=x`` of the core into ``name==x``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = []
    for requirement in project["dependencies"]:
        match = re.match(r"([A-Za-z0-9_.\-\[\]]+)>=([0-9.]+)", requirement)
        if match is None:
            raise SystemExit(f"{requirement!r} has no lower bound")
        pins.append(f"{match[1]}=={match[2]}")
    return pins


def main():
    """Build the environment and run the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", dest="only_print")
    parser.add_argument("--extra", action="append", default=[], dest="extras")
    parser.add_argument("tests", nargs="*", default=["tests"])
    options = parser.parse_args()
    pins = pinned()
    if options.only_print:
        print("\n".join(pins))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        binaries = "Scripts" if sys.platform == "win32" else "bin"
        python = str(pathlib.Path(folder) / binaries / "python")
        pip = [python, "-m", "pip", "install", "-q"]
        if options.extras:
            # An extra may ask more of the core than we do: uv finds the lowest versions
            # that satisfy both.
            uv = [python, "-m", "uv", "pip", "install", "-q", "--python", python]
            wanted = f"{ROOT}[{','.join(options.extras)}]"
            subprocess.run([*pip, "uv"], check=True)
            lowest = ["--resolution", "lowest-direct", "-e", wanted]
            subprocess.run([*uv, *lowest], check=True)
            pins = []
        subprocess.run([*pip, *pins, "-e", f"{ROOT}[test]"], check=True)
        return subprocess.call([python, "-m", "pytest", *options.tests], cwd=ROOT)


if __name__ == "__main__":
    raise SystemExit(main())
