"""The documentation names what exists, and its examples are pages with pictures."""

import ast
import importlib
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="run from a checkout")
PAGES = sorted((DOCS / "gallery").glob("*/plot_*.rst"))
GUIDES = sorted(set((DOCS / "guide").glob("*.md")) - {DOCS / "guide/index.md"})
PICTURE = r"!\[([^\]]*)\]\(([^)\s]+)\)|```{figure} (\S+)"
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
    "script", sorted(ROOT.glob("examples/*/*.py")), ids=lambda p: p.stem
)
def test_every_example_is_a_page_with_a_picture(script):
    text = script.read_text()
    tree = ast.parse(text)
    assert re.search(r"^={4,}$", ast.get_docstring(tree), re.M), "no title"
    assert script.name.startswith("plot_")
    # A figure is drawn in the block that makes it: a page shows it as it stands there.
    for block in text.split("# %%"):
        if re.search(r"plt\.(subplots|figure)\(", block):
            assert re.search(r"\.\w*(plot|scatter|imshow|bar|draw|step|fill)", block)


def test_tutorials_are_listed():
    listed = re.findall(
        r"gallery/tutorials/(plot_\w+)", (DOCS / "tutorials/index.md").read_text()
    )
    scripts = [p.stem for p in ROOT.glob("examples/tutorials/plot_*.py")]
    assert sorted(listed) == sorted(scripts)


@pytest.mark.skipif(not PAGES, reason="documentation not built")
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_built_examples_print_no_warning_and_have_a_picture(page):
    from tools.gallery_checks import printed_warnings

    assert not printed_warnings(page.read_text("utf-8"))
    pictures = sorted((page.parent / "images").glob(f"sphx_glr_{page.stem}_*.png"))
    assert pictures, "the page has no picture"


def test_every_estimator_is_in_the_guide_and_the_gallery():
    from skgeo.testing import all_estimators

    guide = "".join(p.read_text() for p in DOCS.glob("guide/*.md"))
    gallery = "".join(p.read_text() for p in ROOT.glob("examples/*/plot_*.py"))
    for name, _ in all_estimators():
        assert name in guide, f"{name} is in no page of the user guide"
        assert name in gallery + guide


def test_every_family_of_examples_has_its_page():
    text = (DOCS / "examples.md").read_text() + (
        DOCS / "tutorials/index.md"
    ).read_text()
    listed = re.findall(r"^/?gallery/(\w+)/index$", text, re.M)
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


def test_the_table_of_words_names_parameters_and_attributes_that_exist():
    import inspect

    from skgeo.testing import all_estimators

    classes = dict(all_estimators())
    text = (DOCS / "api/index.md").read_text().split("## The same words")[1]
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", text, re.M)
    named = 0
    for words, where in rows:
        for name in set(re.findall(r"`(\w+)`", where)) & set(classes):
            known = set(inspect.signature(classes[name]).parameters)
            doc = inspect.getdoc(classes[name])
            for word in re.findall(r"`(\w+)`", words):
                assert word in known or f"{word} :" in doc, (word, name)
            named += 1
    assert named >= 10


def test_version_is_the_same_everywhere():
    import skgeo

    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {skgeo.__version__}\n" in citation


def test_the_example_of_the_readme_prints_what_it_says(tmp_path):
    from tools import run_documents

    page = ROOT / "README.md"
    printed = re.search(r"```text\n(.*?)```", page.read_text("utf-8"), re.S)[1]
    assert run_documents.run(page) == printed


def test_code_of_a_page_that_fails_is_named(tmp_path):
    from tools import run_documents

    page = tmp_path / "broken.md"
    page.write_text("```python\nx = 1\n```\ntext\n```python\nprint(y)\n```\n")
    with pytest.raises(RuntimeError, match=r"(?s)broken\.md.*NameError"):
        run_documents.run(page)
    page.write_text("```python\nimport warnings\nwarnings.warn('odd')\n```\n")
    with pytest.raises(RuntimeError, match="odd"):
        run_documents.run(page)


def test_readme_commands_exist():
    text = (ROOT / "README.md").read_text()
    for name in ("main", "test"):
        assert re.search(rf"<!-- {name}-command -->\n```sh\n(.+)\n```", text)
    assert "scikit-geometry" in text


def measured_tables(text):
    """Return the numbers of rows of the tables whose cells are mostly numbers."""
    rows_of = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        lines = table.splitlines()[2:]
        cells = [cell.strip() for line in lines for cell in line.split("|")[2:-1]]
        numbers = [cell for cell in cells if re.match(r"[*≥<]*[-+]?\d*\.?\d", cell)]
        if 2 * len(numbers) > len(cells):
            rows_of.append(len(lines))
    return rows_of


@pytest.mark.parametrize("guide", GUIDES, ids=lambda p: p.stem)
def test_a_guide_begins_with_what_a_reader_looks_for(guide):
    text = guide.read_text("utf-8")
    head, *sections = re.split(r"^(?=## )", text, flags=re.M)
    order = [
        re.search(PICTURE, head),
        re.search(r"^\| goes in \| comes out \|$", head, re.M),
        re.search(r"\*\*Use this when\*\*", head),
        re.search(r"\*\*Not when\*\*", head),
        code := re.search(r"```(?:python|sh)\n(.*?)```", head, re.S),
    ]
    assert None not in order, "picture, goes in, use this when, not when, code"
    starts = [match.start() for match in order]
    assert starts == sorted(starts), "in this order"
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 20
    # How to choose comes before how it works.
    titles = [section.split("\n", 1)[0] for section in sections]
    advice = [i for i, t in enumerate(titles) if re.search("Parameter|Setting", t)]
    formulas = [i for i, section in enumerate(sections) if "$$" in section]
    assert not formulas or min(advice) < min(formulas), titles


@pytest.mark.parametrize("guide", GUIDES, ids=lambda p: p.stem)
def test_a_guide_has_two_pictures_and_one_short_table_of_results(guide):
    text = guide.read_text("utf-8")
    found = list(re.finditer(PICTURE, text))
    paths = [match[2] or match[3] for match in found]
    names = {path.rsplit("/", 1)[-1] for path in paths}
    assert len(names) >= 2
    assert len(names) == len(paths), "a picture is shown twice"
    for match, path in zip(found, paths, strict=True):
        assert match[3] or len(match[1]) > 20, f"{path}: say what is to be seen"
        if "_static" in path:
            assert (guide.parent / path).exists(), path
    rows = measured_tables(text)
    assert len(rows) <= 1, "the others belong on the benchmark pages"
    assert sum(rows) <= 5


def test_what_a_measured_table_is():
    numbers = "| a | x | y |\n|---|---|---|\n| b | .71 | 1.0 (+2) |\n| c | 3 % | no |\n"
    words = "| a | b |\n|---|---|\n| c | three of 7 |\n"
    assert measured_tables(f"text\n\n{numbers}\n{words}") == [2]
