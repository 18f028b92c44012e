"""Keep the list of versions that the documentation offers.

``python tools/switcher.py 0.2.0`` adds a release to ``docs/_static/switcher.json`` and
makes the newest one the preferred one; ``python tools/switcher.py --check 0.2.0`` fails
if it is not there. Documentation of every version reads the list of the latest one.
"""

import json
import pathlib
import re
import sys

PATH = pathlib.Path(__file__).parents[1] / "docs/_static/switcher.json"
SITE = "https://skgeo.readthedocs.io/en"


def entry(version):
    """Describe one version for the switcher of the theme."""
    if version == "dev":
        return {"name": "dev", "version": "dev", "url": f"{SITE}/latest/"}
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise SystemExit(f"{version!r} is no release: wants a number like 0.2.0.")
    return {"name": version, "version": version, "url": f"{SITE}/v{version}/"}


def add(versions, version):
    """Return the list with a release: dev first, then releases, newest first."""
    releases = {e["version"] for e in versions} - {"dev"} | {version}
    newest_first = sorted(
        releases, key=lambda v: tuple(map(int, v.split("."))), reverse=True
    )
    found = [entry("dev"), *map(entry, newest_first)]
    found[1] |= {"name": f"{newest_first[0]} (stable)", "preferred": True}
    return found


def main(arguments):
    """Add the release that is named, or check that it is in the list."""
    version = arguments[-1]
    entry(version)
    versions = json.loads(PATH.read_text("utf-8"))
    if "--check" in arguments:
        if version not in {e["version"] for e in versions}:
            raise SystemExit(
                f"docs/_static/switcher.json does not offer {version}: "
                f"run python tools/switcher.py {version}"
            )
        return
    PATH.write_text(json.dumps(add(versions, version), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
