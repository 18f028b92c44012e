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

# What an extra asks of the core itself, above our own bound: left to pip.
RAISED = {"eeg": {"pyriemann"}}
ROOT = pathlib.Path(__file__).resolve().parents[1]


def pinned(extras=()):
    """Turn every ``name>=x`` of the core (and of some extras) into ``name==x``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    left = {name for extra in extras for name in RAISED.get(extra, ())}
    pins = []
    for requirement in wanted:
        match = re.match(r"([A-Za-z0-9_.\-\[\]]+)>=([0-9.]+)", requirement)
        if match is None:
            raise SystemExit(f"{requirement!r} has no lower bound")
        pins.append(requirement if match[1] in left else f"{match[1]}=={match[2]}")
    return pins


def main():
    """Build the environment and run the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", dest="only_print")
    parser.add_argument("--extra", action="append", default=[], dest="extras")
    parser.add_argument("tests", nargs="*", default=["tests"])
    options = parser.parse_args()
    pins = pinned(options.extras)
    if options.only_print:
        print("\n".join(pins))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        binaries = "Scripts" if sys.platform == "win32" else "bin"
        python = str(pathlib.Path(folder) / binaries / "python")
        pip = [python, "-m", "pip", "install", "-q"]
        subprocess.run([*pip, *pins, "-e", f"{ROOT}[test]"], check=True)
        return subprocess.call([python, "-m", "pytest", *options.tests], cwd=ROOT)


if __name__ == "__main__":
    raise SystemExit(main())
