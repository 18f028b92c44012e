"""The documentation names what exists, and its tutorials run."""

import importlib
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="run from a checkout")
PACKAGES = (
    "eeg",
    "cluster",
    "decomposition",
    "linear_model",
    "dynamics",
    "datasets",
    "testing",
    "exceptions",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_lists_every_public_name(package):
    text = (DOCS / "api" / f"{package}.md").read_text()
    listed = re.findall(r"^   (\w+)$", text, flags=re.MULTILINE)
    assert sorted(listed) == sorted(importlib.import_module(f"skgeo.{package}").__all__)


@pytest.mark.parametrize(
    "page", sorted((DOCS / "tutorials").glob("*.md")), ids=lambda p: p.stem
)
def test_tutorials_run(page, capsys):
    if page.stem == "bci":
        pytest.importorskip("moabb", reason="extra eeg")
    blocks = re.findall(
        r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE
    )
    assert blocks or page.stem == "index"
    exec(compile("\n".join(blocks), str(page), "exec"), {"__name__": "tutorial"})
    printed = capsys.readouterr().out
    if page.stem == "medida":
        assert re.search(r"model - 1\.5\d* x0", printed)
    if page.stem == "clustering":
        assert "True" in printed


def test_every_estimator_is_in_the_guide_and_the_gallery():
    from skgeo.testing import all_estimators

    guide = "".join(p.read_text() for p in DOCS.glob("guide/*.md"))
    gallery = "".join(p.read_text() for p in ROOT.glob("examples/*/plot_*.py"))
    for name, _ in all_estimators():
        assert name in guide, f"{name} is in no page of the user guide"
        assert name in gallery + guide


def test_every_family_of_examples_has_its_page():
    listed = re.findall(
        r"^gallery/(\w+)/index$", (DOCS / "examples.md").read_text(), re.M
    )
    folders = [p.parent.name for p in ROOT.glob("examples/*/README.rst")]
    assert sorted(listed) == sorted(folders)


def test_every_card_has_its_picture_and_its_page():
    text = (DOCS / "index.md").read_text()
    pictures = re.findall(r":img-bottom: (\S+)", text)
    assert len(pictures) == 6
    for picture in pictures:
        assert (DOCS / picture).read_bytes()[:4] == b"\x89PNG"
    for page in re.findall(r":link: (\S+)", text):
        assert (DOCS / f"{page}.md").exists()


def test_every_package_is_in_the_reference():
    pages = {p.stem for p in (DOCS / "api").glob("*.md")} - {"index"}
    text = (DOCS / "api/index.md").read_text()
    listed = re.search(r"```{toctree}(.*?)```", text, re.DOTALL)[1].split()
    assert set(PACKAGES) <= pages
    assert pages <= set(listed)


def test_version_is_the_same_everywhere():
    import skgeo

    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {skgeo.__version__}\n" in citation


def test_readme_commands_exist():
    text = (ROOT / "README.md").read_text()
    for name in ("main", "test"):
        assert re.search(rf"<!-- {name}-command -->\n```sh\n(.+)\n```", text)
    assert "scikit-geometry" in text
