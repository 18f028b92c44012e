"""Pictures of the benchmark pages."""

import math
import textwrap

from benchmarks._views import Bars

INK, FAINT = "#1f4e79", "0.55"
COLORS = ("#1f4e79", "#d1742f", "#3a8f5c", "#8a5aa8", "#b8433f", "#4d9fc4", "#8c8c3a")
MARKERS = "osD^vP*X"


def pyplot():
    """Return pyplot in the style of the pages."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "svg.hashsalt": "skgeo",
        }
    )
    return plt


def chosen(rows, only):
    """Pick the rows with given values; a tuple stands for any of its members."""

    def fits(found, wanted):
        return found in wanted if isinstance(wanted, tuple) else found == wanted

    return [r for r in rows if all(fits(r.get(k), v) for k, v in only.items())]


def finite(value):
    """Tell numbers that can be drawn."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def words(row, keys):
    """Name a row by some of its columns; a bare number needs the column's name."""
    parts = []
    for key in keys:
        value = row.get(key)
        if value is not None:
            text = f"{value:g}" if isinstance(value, float) else str(value)
            parts.append(
                text if isinstance(value, str) else f"{key.replace('_', ' ')} {text}"
            )
    return ", ".join(parts)


def bars(rows, view, path):
    """Draw horizontal bars, one panel a group."""
    rows = [r for r in chosen(rows, view.only) if finite(r.get(view.y))]
    if not rows:
        return False
    panels = list(dict.fromkeys(words(r, view.panel) for r in rows))[:6]
    labels = list(dict.fromkeys(words(r, view.label) for r in rows))
    plt = pyplot()
    fig, axes = plt.subplots(
        1,
        len(panels),
        figsize=(
            min(10.0, max(7.5, 1.5 + 2.3 * len(panels))),
            0.24 * len(labels) + 1.1,
        ),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, panel in zip(axes[0], panels, strict=True):
        members = [r for r in rows if words(r, view.panel) == panel]
        places = [labels.index(words(r, view.label)) for r in members]
        values = [view.scale * r[view.y] for r in members]
        errors = [view.scale * (r.get(view.error) or 0.0) for r in members]
        style = {"color": INK, "ms": 5}
        if view.error:
            ax.errorbar(
                values,
                places,
                xerr=errors,
                fmt="o",
                ecolor=FAINT,
                elinewidth=1,
                **style,
            )
        else:
            ax.plot(values, places, "o", **style)
        if view.log:
            ax.set_xscale("log")
            plain_log(ax.xaxis)
            ax.axvline(1.0, color=FAINT, lw=1, ls="--")
        elif min(values) < 0:
            ax.axvline(0.0, color=FAINT, lw=1, ls="--")
        if view.panel:
            ax.set_title(textwrap.fill(panel, 24), fontsize=9)
        ax.grid(axis="both", alpha=0.25)
    axes[0, 0].set(yticks=range(len(labels)), ylim=(len(labels) - 0.5, -0.5))
    axes[0, 0].set_yticklabels(labels)
    fig.supxlabel(view.xlabel, fontsize=9)
    fig.savefig(path)
    plt.close(fig)
    return True


def plain_log(axis):
    """Write 2, 5, 10, 20 on a logarithmic axis, not powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    few = high / max(low, 1e-300) > 300
    axis.set_major_locator(LogLocator(subs=(1.0,) if few else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_formatter(NullFormatter())


def lines(rows, view, path):
    """Draw one line for each value of some columns."""
    rows = [
        r
        for r in chosen(rows, view.only)
        if finite(r.get(view.x)) and finite(r.get(view.y))
    ]
    if not rows:
        return False
    groups = {}
    for row in rows:
        groups.setdefault(words(row, view.by), []).append((row[view.x], row[view.y]))
    plt = pyplot()
    fig, ax = plt.subplots(figsize=(7.5, 4.0), layout="constrained")
    for i, (label, points) in enumerate(groups.items()):
        ax.plot(
            *zip(*sorted(points), strict=True),
            color=COLORS[i % len(COLORS)],
            marker=MARKERS[i % len(MARKERS)],
            ls="-" if i < len(COLORS) else "--",
            ms=5,
            lw=1.4,
            label=label,
        )
    ax.set(xlabel=view.xlabel, ylabel=view.ylabel)
    if "x" in view.log:
        ax.set_xscale("log", base=2 if len({r[view.x] for r in rows}) < 8 else 10)
        ticks = sorted({r[view.x] for r in rows})
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
        ax.tick_params(axis="x", which="minor", bottom=False)
    if "y" in view.log:
        ax.set_yscale("log")
        if max(r[view.y] for r in rows) / min(r[view.y] for r in rows) < 100:
            plain_log(ax.yaxis)
    ax.grid(alpha=0.25)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    fig.savefig(path)
    plt.close(fig)
    return True


def draw(rows, view, path):
    """Draw a picture; False if the rows hold nothing to draw."""
    return (bars if isinstance(view, Bars) else lines)(rows, view, path)


def overview(found, path):
    """Draw all ratios of times on one logarithmic axis, a line for each benchmark."""
    names = list(dict.fromkeys(name for name, _ in found))
    if not names:
        return False
    plt = pyplot()
    fig, ax = plt.subplots(figsize=(9, 0.36 * len(names) + 1.0), layout="constrained")
    for i, name in enumerate(names):
        values = [v for n, v in found if n == name]
        ax.plot(values, [i] * len(values), "o", color=INK, alpha=0.55, ms=6, mew=0)
    ax.axvline(1.0, color=FAINT, lw=1, ls="--")
    ax.set_xscale("log")
    ax.set(
        xlabel="peer's time / skgeo's time (a dot a setting; right of 1: faster)",
        yticks=range(len(names)),
        ylim=(len(names) - 0.5, -0.5),
    )
    ax.set_yticklabels(names)
    plain_log(ax.xaxis)
    ax.grid(axis="both", alpha=0.25)
    fig.savefig(path)
    plt.close(fig)
    return True
