"""Markdown tables out of the rows of a benchmark."""

import json
import math
import statistics

# Words for columns; a unit or a plainer name where the key alone does not tell.
WORDS = {
    "auc": "ROC AUC",
    "cpu": "CPU time (s)",
    "cpu_s": "CPU time (s)",
    "seconds": "CPU time (s)",
    "wall": "wall time (s)",
    "fit_wall": "fit, wall time (s)",
    "first_cpu": "first call, CPU (s)",
    "first_wall": "first call, wall (s)",
    "seconds_dense": "dense, CPU time (s)",
    "skgeo_cpu_s": "skgeo, CPU time (s)",
    "peer_cpu_s": "peer, CPU time (s)",
    "peer_cpu": "peer, CPU time (s)",
    "ours_cpu_s": "skgeo, CPU time (s)",
    "ours_cpu": "skgeo, CPU time (s)",
    "theirs_cpu_s": "peer, CPU time (s)",
    "kmeans_cpu": "K-means, CPU time (s)",
    "search_cpu": "search, CPU time (s)",
    "peer_measured_cpu": "peer, measured part, CPU (s)",
    "skgeo_first_cpu_s": "skgeo, first call, CPU (s)",
    "fit_transform_skgeo_cpu_s": "fit_transform, skgeo, CPU (s)",
    "fit_transform_peer_cpu_s": "fit_transform, peer, CPU (s)",
    "peak_mb": "peak memory (MB)",
    "peak_MiB": "peak memory (MiB)",
    "beyond_factors_MiB": "beyond the factors (MiB)",
    "ratio": "times faster",
    "sd": "standard deviation",
    "snr": "SNR (dB)",
    "nmse_mean": "mean NMSE",
    "nmse_median": "median NMSE",
    "n_trials": "trials",
    "err4": "error of the dictionary",
    "rows_per_s": "rows a second",
    "rmse": "RMSE",
    "p": "p",
    "r": "rank r",
}
# Condensed tables of more columns than this are laid on their side if that helps.
WIDE = 7
# Columns that split the rows of a benchmark into tables.
SPLITS = ("table", "row", "what", "task", "features", "problem")


def heading(column):
    """Turn the name of a column into words, with its unit."""
    if column in WORDS:
        return WORDS[column]
    for suffix, unit in (("_ms", "ms"), ("_cpu", "CPU s"), ("_s", "s"), ("_mb", "MB")):
        if column.endswith(suffix):
            return f"{column.removesuffix(suffix).replace('_', ' ')} ({unit})"
    return column.replace("_", " ")


def number(value):
    """Write a value as a table cell: three significant digits, no needless exponent."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value == 0 or (value.is_integer() and abs(value) < 1e6):
            return f"{value:.0f}"
        if not 1e-4 <= abs(value) < 1e6:
            return f"{value:.1e}"
        decimals = max(0, 2 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, (list, tuple)):
        return ", ".join(number(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{number(k)} {number(v)}" for k, v in value.items())
    text = str(value)
    if text.startswith("{") and "'" in text:  # a printed dictionary of settings
        text = text.strip("{}").replace("'", "").replace(":", "")
    for sign in "\\|*_`<$":
        text = text.replace(sign, "\\" + sign)
    return text


def is_number(value):
    """Tell numbers (which are set to the right) from words."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_value(value):
    """Tell what a condensed table can hold: numbers, and yes or no as 1 or 0."""
    return is_number(value) or isinstance(value, bool)


def columns_of(rows):
    """List the columns that hold something, in order of appearance."""
    keys = dict.fromkeys(key for row in rows for key in row)

    def empty(value):
        return value is None or (isinstance(value, float) and math.isnan(value))

    return [k for k in keys if not all(empty(row.get(k)) for row in rows)]


def write(header, body):
    """Write one table; columns of numbers are set to the right."""
    right = [
        all(is_number(v) or v is None for v in column)
        for column in zip(*body, strict=True)
    ]
    yield "| " + " | ".join(header) + " |"
    yield "|" + "|".join("--:" if r else ":--" for r in right) + "|"
    for line in body:
        yield "| " + " | ".join(number(v) for v in line) + " |"
    yield ""


def plain(rows, columns=None):
    """Write rows as they are; what is the same in all of them goes above the table."""
    columns = columns or columns_of(rows)
    same = []
    if len(rows) > 2:
        same = [
            c
            for c in columns
            if len({json.dumps(row.get(c)) for row in rows}) == 1 and c != "ratio"
        ]
    if len(same) < len(columns):
        columns = [c for c in columns if c not in same]
    else:
        same = []
    if same:
        yield (
            "In all rows: "
            + "; ".join(f"{heading(c)} {number(rows[0].get(c))}" for c in same)
            + "."
        )
        yield ""
    yield from write(
        [heading(c) for c in columns], [[row.get(c) for c in columns] for row in rows]
    )


def pivot(rows, index, columns, value, percent=False):
    """Write one value, ``index`` down, ``columns`` across; medians if several.

    A table that would be wide and low is laid on its side.
    """
    cells = {}
    for row in rows:
        found = row.get(value)
        if is_value(found):
            place = tuple(row.get(k) for k in index), tuple(row.get(k) for k in columns)
            cells.setdefault(place, []).append(float(found) * (100 if percent else 1))
    downs = list(dict.fromkeys(down for down, _ in cells))
    acrosses = list(dict.fromkeys(across for _, across in cells))

    def words(across):
        return ", ".join(
            number(v) if isinstance(v, str) else f"{heading(c)} {number(v)}"
            for c, v in zip(columns, across, strict=True)
        )

    body = [
        [
            *down,
            *(
                statistics.median(cells[down, across])
                if (down, across) in cells
                else None
                for across in acrosses
            ),
        ]
        for down in downs
    ]
    header = [*map(heading, index), *map(words, acrosses)]
    if len(header) > WIDE and len(body) + 1 < len(header):
        names = [", ".join(number(v) for v in line[: len(index)]) for line in body]
        values = zip(*(line[len(index) :] for line in body), strict=True)
        body = [[words(a), *line] for a, line in zip(acrosses, values, strict=True)]
        header = [", ".join(map(heading, columns)), *names]
    yield from write(header, body)


def split(rows):
    """Split rows by the column that names their table, else by their columns.

    Rows that only lack some columns of others share a table with them.
    """
    column = next((c for c in SPLITS if all(c in row for row in rows)), None)
    kinds = sorted({tuple(row) for row in rows}, key=len, reverse=True)

    def key_of(row):
        if column:
            return str(row[column])
        return next(kind for kind in kinds if set(row) <= set(kind))

    groups = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    for key, members in groups.items():
        if column:
            members = [{k: v for k, v in row.items() if k != column} for row in members]
        yield (key if column else None), members
