"""Write the benchmark pages of the documentation: ``python -m benchmarks.summary``.

Every file of ``benchmarks/results`` becomes a page with its set-up and its tables, and
every ratio of times in it a bar of the overview picture.
"""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parent / "results"
PAGES = pathlib.Path(__file__).parents[1] / "docs" / "benchmarks"


def number(value):
    """Write a value as a table cell."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, dict)):
        text = json.dumps(value)
        return text if len(text) <= 80 else text[:77] + "..."
    return str(value).replace("|", "\\|")


def tables(rows):
    """Group rows by their columns, one table a group."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    for columns, members in groups.items():
        yield "| " + " | ".join(c.replace("_", " ") for c in columns) + " |"
        yield "|" + "---|" * len(columns)
        for row in members:
            yield "| " + " | ".join(number(row[c]) for c in columns) + " |"
        yield ""


def page(result):
    """Write one page."""
    setup = result["setup"]
    versions = ", ".join(f"{k} {v}" for k, v in setup["versions"].items() if v)
    extra = {k: v for k, v in result.items() if k not in ("benchmark", "setup", "rows")}
    lines = [f"# {title(result['benchmark'])}", ""]
    load = setup.get("load")
    lines += [
        f"Measured {setup['date']} on {setup['cores']} cores of {setup['cpu']}, Python "
        f"{setup['python']}, {versions}; BLAS threads {setup['threads']}; load average "
        f"{number(load)}. Other work ran on the machine: read ratios, not seconds.",
        "",
    ]
    if extra:
        lines += [
            *(f"- {k.replace('_', ' ')}: {number(v)}" for k, v in extra.items()),
            "",
        ]
    lines += tables(result["rows"])
    name = result["benchmark"]
    (PAGES / f"{name}.md").write_text("\n".join(lines).rstrip() + "\n")


def title(name):
    """Turn a file name into words."""
    return name.replace("_", " ").capitalize()


def ratios(results):
    """Collect (label, ratio) of every row that holds a ratio of times."""
    for result in results:
        for row in result["rows"]:
            for key in ("ratio", "speedup"):
                if isinstance(row.get(key), (int, float)):
                    words = [
                        f"{v:g}" if isinstance(v, float) else str(v)
                        for k, v in row.items()
                        if isinstance(v, (str, int)) and k != key
                    ][:3]
                    yield result["benchmark"], ", ".join(words), float(row[key])


def overview(results):
    """Draw the ratios of all benchmarks on one logarithmic axis."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    found = list(ratios(results))
    if not found:
        return False
    names = sorted({name for name, _, _ in found})
    fig, ax = plt.subplots(figsize=(8, 0.55 * len(names) + 1.4), layout="constrained")
    for i, name in enumerate(names):
        values = [v for n, _, v in found if n == name]
        ax.plot(values, [i] * len(values), "o", color="C0", alpha=0.6)
    ax.axvline(1.0, color="0.4", lw=1, ls="--")
    ax.set(
        xscale="log",
        xlabel="peer's time / skgeo's time (each dot one setting; right is faster)",
        yticks=range(len(names)),
        yticklabels=[title(n) for n in names],
        ylim=(len(names) - 0.5, -0.5),
    )
    ax.grid(axis="x", which="both", alpha=0.3)
    fig.savefig(PAGES / "overview.png", dpi=120)
    return True


def main():
    """Write all pages and the index."""
    PAGES.mkdir(parents=True, exist_ok=True)
    results = [json.loads(p.read_text()) for p in sorted(RESULTS.glob("*.json"))]
    for result in results:
        page(result)
    picture = overview(results)
    lines = [
        "# Benchmarks",
        "",
        "skgeo and its peers, timed in one process on the same work, accuracy beside "
        "time. `python -m benchmarks` measures anew, `python -m benchmarks.summary` "
        "writes these pages from the committed results.",
        "",
    ]
    if picture:
        lines += ["![Ratios of times](overview.png)", ""]
    lines += ["```{toctree}", ":maxdepth: 1", ""]
    lines += [result["benchmark"] for result in results]
    lines += ["```"]
    (PAGES / "index.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
