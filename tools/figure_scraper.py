"""What the gallery shows of an example besides the figures of pyplot."""

import weakref

from sphinx_gallery.scrapers import figure_rst

from tools.gallery_checks import empty_axes

# Figures that have been shown, so that a later block does not show them again.
SEEN = weakref.WeakSet()


def scrape_figures(block, block_vars, gallery_conf):
    """Show the figures that pyplot does not know, as `skgeo.plotting` makes them.

    A block of an example shows those that it has bound to a name. Axes in which nothing
    was drawn, in these figures or those of pyplot, stop the build.
    """
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    SEEN.update(figures)  # the scraper of pyplot shows these
    paths = []
    for value in block_vars["example_globals"].values():
        if type(value) is Figure and value not in SEEN:
            SEEN.add(value)
            figures.append(value)
            paths.append(next(block_vars["image_path_iterator"]))
            value.savefig(paths[-1], dpi=100)
    if empty_axes(figures):
        raise ValueError(f"{block_vars['src_file']}: axes without anything.")
    return figure_rst(paths, gallery_conf["src_dir"])
