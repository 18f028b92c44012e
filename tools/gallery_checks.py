"""What stops the build of the documentation: printed warnings and empty axes."""

import pathlib
import re

# What sphinx-gallery writes of the output of a block.
OUTPUT = re.compile(r"^ \.\. code-block:: none\n(.*?)(?=^\S|\Z)", re.S | re.M)


def printed_warnings(page):
    """Return the lines of a gallery page's outputs that are warnings.

    Parameters
    ----------
    page : str
        Text of a page that sphinx-gallery wrote.

    Returns
    -------
    lines : list of str
        One line per warning.
    """
    outputs = OUTPUT.findall(page)
    lines = [line.strip() for text in outputs for line in text.splitlines()]
    return [line for line in lines if "Warning" in line]


def empty_axes(figures):
    """Return the visible axes of matplotlib figures in which nothing was drawn."""
    return [
        ax
        for figure in figures
        for ax in figure.axes
        if ax.axison and ax.get_visible() and not (ax.has_data() or ax.texts)
    ]


def check_gallery(folder):
    """Raise ValueError if an example below ``folder`` printed a warning."""
    for path in sorted(pathlib.Path(folder).glob("*/plot_*.rst")):
        if found := printed_warnings(path.read_text("utf-8")):
            raise ValueError(f"{path.name} prints {found[0]!r}.")
