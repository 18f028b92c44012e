"""The conda recipe and the list of versions agree with the package."""

import json
import pathlib
import re
import tomllib

import pytest

import skgeo

jinja2 = pytest.importorskip("jinja2", reason="extra eeg")
yaml = pytest.importorskip("yaml", reason="extra eeg")

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not (ROOT / "recipe").is_dir(), reason="run from a checkout"
)


@pytest.fixture(scope="module")
def recipe():
    text = (ROOT / "recipe/meta.yaml").read_text("utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    rendered = environment.from_string(text).render(PYTHON="python")
    return yaml.safe_load(rendered)


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def plain(requirement):
    """Split 'name >=1.2' or 'name>=1.2' into the name and what is asked of it."""
    name, wanted = re.fullmatch(r"([\w.-]+)\s*(.*)", requirement).groups()
    return name.lower(), wanted.replace(" ", "")


def test_the_recipe_is_of_this_version(recipe):
    release = re.match(r"\d+\.\d+\.\d+", skgeo.__version__)[0]
    assert recipe["package"]["version"] == release
    assert recipe["source"]["url"].endswith(f"/v{release}.tar.gz")
    assert re.fullmatch(r"[0-9a-f]{64}", recipe["source"]["sha256"])


def test_requirements_are_those_of_the_project(recipe, project):
    run = dict(map(plain, recipe["requirements"]["run"]))
    host = dict(map(plain, recipe["requirements"]["host"]))
    python = project["project"]["requires-python"]
    assert run.pop("python") == host.pop("python") == python
    assert run == dict(map(plain, project["project"]["dependencies"]))
    assert host.pop("pip") == ""
    assert host == dict(map(plain, project["build-system"]["requires"]))


def test_the_rest_of_the_recipe(recipe, project):
    scripts = [f"{k} = {v}" for k, v in project["project"]["scripts"].items()]
    assert recipe["build"]["entry_points"] == scripts
    assert recipe["build"]["noarch"] == "python"
    about = recipe["about"]
    assert about["summary"] == project["project"]["description"]
    assert about["license"] == project["project"]["license"]
    assert (ROOT / about["license_file"]).is_file()
    for name in recipe["test"]["imports"]:
        __import__(name)


def test_versions_of_the_documentation():
    from tools import switcher

    offered = json.loads((ROOT / "docs/_static/switcher.json").read_text("utf-8"))
    names = [entry["version"] for entry in offered]
    assert names[0] == "dev"
    assert len(set(names)) == len(names)
    assert all(entry["url"].startswith("https://") for entry in offered)
    if "dev" not in skgeo.__version__:
        assert skgeo.__version__ in names
    # Releases in order, whatever the order they were added in; one is preferred.
    for version in ("0.2.0", "0.10.0", "0.2.1", "0.2.0"):
        offered = switcher.add(offered, version)
    versions = [entry["version"] for entry in offered]
    assert versions[:4] == ["dev", "0.10.0", "0.2.1", "0.2.0"]
    assert [bool(e.get("preferred")) for e in offered[:3]] == [False, True, False]
    with pytest.raises(SystemExit, match="no release"):
        switcher.main(["0.2.0.dev0"])
    with pytest.raises(SystemExit, match="does not offer"):
        switcher.main(["--check", "99.0.0"])
