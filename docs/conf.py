"""Sphinx configuration."""

import importlib
import inspect
import os
import pathlib
import re
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MOABB_DOWNLOAD_PROVIDER", "upstream")

import skgeo  # noqa: E402  (the path has to be set first)
from benchmarks import summary  # noqa: E402
from tools.figure_scraper import scrape_figures  # noqa: E402
from tools.gallery_checks import check_gallery  # noqa: E402

# Deprecations between packages we use say nothing to a reader of the examples.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="moabb")

# The benchmark pages always show the committed results.
summary.main()

project = "skgeo"
author = "The skgeo developers"
copyright = "2026, the skgeo developers"
version = release = skgeo.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.linkcode",
    "sphinx-mathjax-offline",  # formulas without a network
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "README.md", "gallery/**/*.ipynb", "gallery/**/*.py.md5"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# Types are in the docstrings; written out, `ArrayLike` fills three lines.
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": False}

TOC_FOLDERS = ("api", "developers", "gallery", "guide", "tutorials")
html_theme = "pydata_sphinx_theme"
# Pages without pages below them need no list of these.
html_sidebars = {
    page: []
    for page in ("changelog", "faq", "glossary", "index", "install", "peers", "which")
}
html_title = "skgeo"
html_static_path = ["_static"]
html_css_files = ["skgeo.css"]
html_js_files = ["pictures.js"]
html_logo = "_static/logo.svg"
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
REPOSITORY = "https://github.com/skgeo/skgeo"
html_theme_options = {
    "logo": {"text": "skgeo"},
    "github_url": REPOSITORY,
    "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    "switcher": {
        # All versions read the list of the latest one; a local build may name its own.
        "json_url": os.environ.get(
            "SKGEO_SWITCHER",
            "https://skgeo.readthedocs.io/en/latest/_static/switcher.json",
        ),
        "version_match": "dev" if ".dev" in skgeo.__version__ else skgeo.__version__,
    },
    "check_switcher": False,
    "show_prev_next": False,
    # Not on the landing page, and not beside the wide tables of the benchmarks.
    "secondary_sidebar_items": {
        pattern: ["page-toc"]
        for pattern in ("install", "changelog", *(f"{f}/**" for f in TOC_FOLDERS))
    },
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}

_examples = [p for p in sorted((ROOT / "examples").glob("*")) if p.is_dir()]
sphinx_gallery_conf = {
    "examples_dirs": [str(p) for p in _examples],
    "gallery_dirs": [f"gallery/{p.name}" for p in _examples],
    "filename_pattern": r"/plot_",
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1,
    "abort_on_example_error": True,
    "matplotlib_animations": True,
    "image_scrapers": (scrape_figures, "matplotlib"),
    "image_srcset": [],
    "thumbnail_size": (640, 400),
    "within_subsection_order": "FileNameSortKey",
    "reference_url": {"skgeo": None},
    "doc_module": ("skgeo",),
    "backreferences_dir": "gallery/backreferences",
    "inspect_global_variables": False,
}


def linkcode_resolve(domain, info):
    """Find the line of the source that defines a documented object."""
    if domain != "py" or not info["module"]:
        return None
    thing = importlib.import_module(info["module"])
    for part in info["fullname"].split("."):
        thing = getattr(thing, part, None)
    try:
        thing = inspect.unwrap(thing)
        path = pathlib.Path(inspect.getsourcefile(thing)).relative_to(ROOT)
        lines, start = inspect.getsourcelines(thing)
    except (TypeError, ValueError, OSError):
        return None  # a property, or what another package defines
    revision = "main" if ".dev" in skgeo.__version__ else f"v{skgeo.__version__}"
    place = f"{path.as_posix()}#L{start}-L{start + len(lines) - 1}"
    return f"{REPOSITORY}/blob/{revision}/{place}"


def skip_routing(app, what, name, member, skip, options):
    """Leave out the methods that scikit-learn adds for metadata routing."""
    return skip or bool(re.fullmatch(r"set_\w+_request", name))


def escape_types(app, what, name, member, options, lines):
    """Keep docutils from reading ``n_iter_`` in the type of an attribute as a link."""
    for i, line in enumerate(lines):
        if match := re.match(r"(\s*[\w, *]+ : )(.+)", line):
            lines[i] = match[1] + re.sub(r"(?<![`\w])(\w+)_(?!\w)", r"\1\\_", match[2])


def stop_at_warnings(app):
    """Stop the build if an example printed a warning."""
    check_gallery(pathlib.Path(app.srcdir) / "gallery")


def setup(app):
    """Connect the hooks; types are escaped before numpydoc reads the docstrings."""
    # After sphinx-gallery, which runs the examples at the same event.
    app.connect("builder-inited", stop_at_warnings, priority=900)
    app.connect("autodoc-skip-member", skip_routing)
    app.connect("autodoc-process-docstring", escape_types, priority=100)
