"""Write the benchmark pages of the documentation: ``python -m benchmarks.summary``.

A page for each family, from the committed files of ``benchmarks/results``. For each
benchmark: what to take from it, a picture or one condensed table, what it does not
show, and behind folds how it was measured and every row. The documentation calls this
when it is built, so its numbers are never older than the results.
"""

import ast
import json
import pathlib
import re
import statistics
import sys

from benchmarks import _pictures, _tables
from benchmarks._claims import CLAIMS
from benchmarks._views import AMONG_OURSELVES, FAMILIES, PAGE_OF, VIEWS, View

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results"
NOTES = HERE / "notes"
PAGES = HERE.parent / "docs" / "benchmarks"
# Results of at most this many rows are shown as they are, if nothing condenses them.
SHORT = 8


def sources():
    """Map the name of each result to the file of the benchmark that writes it.

    Names that end in the part that was run are found by the files there are.
    """
    found, stored = {}, [path.stem for path in RESULTS.glob("*.json")]
    for path in sorted(HERE.glob("*/bench_*.py")):
        for start, part in re.findall(
            r"\bsave\(\s*f?\"(\w+)(\{part\})?\"", path.read_text()
        ):
            names = [n for n in stored if n.startswith(start)] if part else [start]
            for name in names:
                if not part or name not in found:
                    found[name] = path
    return found


def title(name):
    """Turn the name of a benchmark into words."""
    return VIEWS[name].title if name in VIEWS else name.replace("_", " ").capitalize()


def description(path):
    """Return the docstring of a benchmark without its usage, as paragraphs."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    text = re.sub(
        r"(Usage: )?``?python -m [^`]*``?[.;,]?( SKGEO_TEST_DATA set[.;])?", "", text
    )
    paragraphs = [" ".join(p.split()) for p in text.split("\n\n")]
    return [
        p
        for p in (p.strip(" ;,") for p in paragraphs)
        if p and not p.startswith("python -m")
    ]


def setup_line(setup):
    """Say where and when the numbers were measured."""
    versions = ", ".join(f"{k} {v}" for k, v in setup.get("versions", {}).items() if v)
    load = setup.get("load")
    load = f"load average {load:.1f} at the end" if load is not None else ""
    threads = setup.get("threads", "default")
    parts = [
        f"{setup.get('cores', '?')} cores of {setup.get('cpu', '?')}",
        f"BLAS threads: {threads}",
        load,
        f"Python {setup.get('python', '?')}",
        versions,
    ]
    return f"Measured {setup.get('date', '?')}: " + "; ".join(p for p in parts if p)


def notes(result):
    """Write what else a result says of itself."""
    for key, value in result.items():
        if key in ("benchmark", "setup", "rows", "steps", "steps_done"):
            continue
        if isinstance(value, dict) and value:
            text = "; ".join(f"{k}: {_tables.number(v)}" for k, v in value.items())
        else:
            text = _tables.number(value)
        yield f"- {key.replace('_', ' ')}: {text}"
    if result.get("steps_done", 0) != result.get("steps", 0):
        yield f"- {result['steps_done']} of {result['steps']} parts were run"


def all_rows(rows):
    """Write every row, a table for each kind."""
    for name, members in _tables.split(rows):
        if name:
            yield f"**{name[:1].upper()}{name[1:].replace('_', ' ')}**"
            yield ""
        yield from _tables.plain(members)


def pivots(rows, view):
    """Give the condensed tables that the rows can fill, as lists of lines."""
    for spec in view.pivots:
        members = _pictures.chosen(rows, spec.only)
        if any(_tables.is_value(row.get(spec.value)) for row in members):
            table = _tables.pivot(
                members, spec.index, spec.columns, spec.value, percent=spec.percent
            )
            yield [f"**{spec.title}**", "", *table]


def folded(name, lines):
    """Put lines behind a fold."""
    return [f"::::{{dropdown}} {name}", "", *lines, "::::", ""]


def gain(rows):
    """Say how the times of peers compare, where the rows have ratios."""
    values = [
        row["ratio"]
        for row in rows
        if _pictures.finite(row.get("ratio")) and row["ratio"] > 0
    ]
    if len(values) < 2:
        return ""
    middle, low, high = (
        _tables.number(round(float(v), 1))
        for v in (statistics.median(values), min(values), max(values))
    )
    return f"Median of {len(values)} settings: {middle} times faster ({low} to {high})."


def method(result, module):
    """Write how a result was measured."""
    for paragraph in description(module) if module else ():
        yield paragraph
        yield ""
    yield f":::{{div}} setup\n{setup_line(result['setup'])}.\n:::"
    yield ""
    more = list(notes(result))
    if more:
        yield from [*more, ""]
    if module:
        yield (
            f"Results: `{result['benchmark']}`. Run again: "
            f"`python -m benchmarks.{module.parent.name}.{module.stem}`"
        )
        yield ""


def section(result, module):
    """Write the section of one result."""
    name, rows = result["benchmark"], result["rows"]
    view = VIEWS.get(name, View(title(name)))
    claim, caveat = CLAIMS.get(name, ("", ""))
    yield f"({name.replace('_', '-')})="
    yield f"## {title(name)}"
    yield ""
    if not claim and module:
        claim = next(iter(description(module)), "")
    times = "" if name in AMONG_OURSELVES else gain(rows)
    if claim or times:
        yield " ".join(part for part in (claim, times) if part)
        yield ""
    drawn = view.picture and _pictures.draw(rows, view.picture, PAGES / f"{name}.svg")
    if drawn:
        yield f"![{title(name)}: {view.picture.__class__.__name__.lower()}]({name}.svg)"
        yield ""
    condensed = list(pivots(rows, view))
    plain = list(all_rows(rows))
    if not drawn:
        if not condensed and len(rows) <= SHORT:
            condensed, plain = [plain], []
        for lines in condensed[:1]:
            yield from lines
        condensed = condensed[1:]
    if caveat:
        yield f"*But:* {caveat}"
        yield ""
    yield from folded("How it was measured", method(result, module))
    if plain:
        plain = [line for lines in condensed for line in lines] + plain
        yield from folded(f"All {len(rows)} rows", plain)


def further(page):
    """Write the figures that were put into words by hand, behind folds."""
    paths = sorted(NOTES.glob(f"{page}-*.md"))
    if paths:
        yield "## More figures, in words"
        yield ""
    for path in paths:
        name = path.stem.removeprefix(f"{page}-")
        yield f"See {{doc}}`../guide/{name}` for the method."
        yield ""
        about = name.replace("_", " ")
        yield from folded(f"Figures: {about}", path.read_text("utf-8").splitlines())


def ratios(results):
    """Collect (title, ratio) of every row with a ratio of a peer's time to ours."""
    for result in results:
        if result["benchmark"] in AMONG_OURSELVES:
            continue
        for row in result["rows"]:
            if _pictures.finite(row.get("ratio")) and row["ratio"] > 0:
                yield title(result["benchmark"]), float(row["ratio"])


def summary_rows(results):
    """Condense the ratios: settings, smallest, median, largest."""
    groups = {}
    for name, value in ratios(results):
        groups.setdefault(name, []).append(value)
    for name, values in groups.items():
        yield {
            "benchmark": name,
            "settings": len(values),
            "smallest": min(values),
            "median": statistics.median(values),
            "largest": max(values),
        }


def page_of(name, module):
    """Name the page that shows a benchmark."""
    for start, page in PAGE_OF.items():
        if name.startswith(start):
            return page
    return module.parent.name if module else "other"


def read_results():
    """Read the results; a file that is not whole is left out and said so."""
    for path in sorted(RESULTS.glob("*.json")):
        try:
            result = json.loads(path.read_text())
            if result["rows"] and result["setup"] and result["benchmark"]:
                yield result
        except (ValueError, KeyError) as error:
            print(f"{path.name} is left out: {error!r}", file=sys.stderr)


def write_if_new(path, text):
    """Write a page, unless it says the same already."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main():
    """Write all pages and the index."""
    PAGES.mkdir(parents=True, exist_ok=True)
    modules, results = sources(), list(read_results())
    order = {name: i for i, name in enumerate(VIEWS)}
    results.sort(key=lambda r: order.get(r["benchmark"], len(order)))
    families = {}
    for result in results:
        module = modules.get(result["benchmark"])
        families.setdefault(page_of(result["benchmark"], module), []).append(result)
    pages = [f for f in FAMILIES if f in families]
    pages += [f for f in families if f not in FAMILIES]
    for family in pages:
        lines = [f"# {FAMILIES.get(family, family.capitalize())}", ""]
        for result in families[family]:
            lines += section(result, modules.get(result["benchmark"]))
        lines += further(family)
        write_if_new(PAGES / f"{family}.md", "\n".join(lines).rstrip() + "\n")
    lines = [
        "# Benchmarks",
        "",
        "skgeo and other libraries (its peers) do the same work, in turn, in one "
        "process; accuracy stands beside time. Other work ran on the machine, so trust "
        "ratios, not seconds. `python -m benchmarks` measures everything again; these "
        "pages are written from the committed results by `python -m "
        "benchmarks.summary` whenever the documentation is built.",
        "",
    ]
    if _pictures.overview(list(ratios(results)), PAGES / "overview.svg"):
        lines += ["![Peer's time over skgeo's, all settings](overview.svg)", ""]
        lines += ["Peer's time over skgeo's:", ""]
        lines += _tables.plain(list(summary_rows(results)))
    lines += ["```{toctree}", ":maxdepth: 2", "", *pages, "```"]
    write_if_new(PAGES / "index.md", "\n".join(lines) + "\n")
    for path in PAGES.glob("*.md"):  # of an earlier version
        if path.stem not in {*pages, "index"}:
            path.unlink()


if __name__ == "__main__":
    main()
