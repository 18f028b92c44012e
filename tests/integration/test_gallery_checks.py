"""What stops a build of the documentation does stop it: bad examples are refused."""

import pathlib

import pytest

plt = pytest.importorskip("matplotlib.pyplot", reason="extra plot")
checks = pytest.importorskip("tools.gallery_checks", reason="run from a checkout")

GALLERY = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "min_reported_time": 1e9,
    "abort_on_example_error": True,
}
HEAD = '"""\nTitle\n=====\n"""\nimport warnings\nimport matplotlib.pyplot as plt\n'
GOOD = HEAD + "fig, ax = plt.subplots()\nax.plot([1, 2])\nprint(1)\n"
CONF = """
import sys
sys.path.insert(0, {root!r})
from tools.figure_scraper import scrape_figures
from tools.gallery_checks import check_gallery
extensions = ["sphinx_gallery.gen_gallery"]
scrapers = (scrape_figures, "matplotlib")
sphinx_gallery_conf = {{**{gallery!r}, "image_scrapers": scrapers}}


def setup(app):
    app.connect("builder-inited", lambda app: check_gallery(app.srcdir), 900)
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    pytest.importorskip("sphinx_gallery", reason="extra docs")
    from sphinx.application import Sphinx

    root = pathlib.Path(__file__).parents[2]
    monkeypatch.setenv("MPLBACKEND", "Agg")

    def build(example):
        docs = tmp_path / "docs"
        (docs / "examples").mkdir(parents=True)
        (docs / "examples/README.rst").write_text("Gallery\n=======\n")
        (docs / "examples/plot_one.py").write_text(example)
        (docs / "index.rst").write_text(
            "Top\n===\n\n.. toctree::\n\n   gallery/index\n"
        )
        (docs / "conf.py").write_text(CONF.format(root=str(root), gallery=GALLERY))
        out = str(tmp_path / "out")
        app = Sphinx(str(docs), str(docs), out, out, "html", status=None, warning=None)
        app.build()
        return (docs / "gallery/plot_one.rst").read_text()

    yield build
    plt.close("all")


def test_axes_without_anything_are_found():
    figure, axes = plt.subplots(2, 3)
    axes[0, 0].plot([1, 2])
    axes[0, 1].imshow([[1, 2]])
    axes[0, 2].text(0.5, 0.5, "words")
    axes[1, 0].axis("off")
    axes[1, 1].set_visible(False)
    axes[1, 2].set(title="a title alone", xlabel="x")
    assert checks.empty_axes([figure]) == [axes[1, 2]]
    axes[1, 2].bar([1], [2])
    assert checks.empty_axes([figure]) == []
    plt.close(figure)


def test_printed_warnings_are_found(tmp_path):
    page = """
Warning: this is prose

.. code-block:: Python

    warnings.warn("this is code")

.. rst-class:: sphx-glr-script-out

 .. code-block:: none

    accuracy 0.91
    /home/someone/x.py:3: ConvergenceWarning: not converged
      fit()

.. rst-class:: sphx-glr-timing
"""
    (line,) = checks.printed_warnings(page)
    assert line.endswith("ConvergenceWarning: not converged")
    (tmp_path / "eeg").mkdir()
    (tmp_path / "eeg/plot_x.rst").write_text(page)
    with pytest.raises(ValueError, match=r"plot_x.rst prints .*not converged"):
        checks.check_gallery(tmp_path)
    (tmp_path / "eeg/plot_x.rst").write_text(page.replace("Warning: not", ": not"))
    checks.check_gallery(tmp_path)


def test_a_good_example_is_built(build):
    page = build(GOOD)
    assert "sphx_glr_plot_one_001.png" in page
    assert "code-block:: none" in page


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("warnings.warn('odd data', UserWarning)\n", "UserWarning: odd data"),
        ("print('DeprecationWarning: old')\n", "DeprecationWarning: old"),
        ("fig, axes = plt.subplots(1, 2)\naxes[0].plot([1, 2])\n", "axes without"),
        (
            "from matplotlib.figure import Figure\nf = Figure()\nax = f.subplots()\n",
            "axes without",
        ),
    ],
    ids=["warns", "prints a warning", "empty panel", "empty figure of its own"],
)
def test_bad_examples_stop_the_build(build, block, message):
    with pytest.raises(Exception, match=message):
        build(GOOD + "\n# %%\n# More\n# ----\n\n" + block)
