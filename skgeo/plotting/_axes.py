"""What the pictures share: colors, axes."""

from skgeo.utils.optional import import_optional

__all__ = ["BLUE", "FAINT", "ORANGE", "make_axes"]

BLUE, ORANGE, FAINT = "#1f4e79", "#d1742f", "#8a8a8a"


def make_axes(ax, figsize=(6.4, 3.6)):
    """Return the axes given, or new ones in a figure of their own."""
    if ax is not None:
        return ax
    pyplot = import_optional("matplotlib.pyplot", extra="plot")
    return pyplot.subplots(figsize=figsize, layout="constrained")[1]
