"""Draw the chart "which estimator?": ``python tools/make_chart.py``.

Writes ``docs/_static/which.svg``; every box on the right is a link into the guide.
"""

import pathlib
from xml.sax.saxutils import escape

OUT = pathlib.Path(__file__).resolve().parents[1] / "docs" / "_static" / "which.svg"

# What you have -> what you want -> estimator
CHART = {
    "EEG trials\n(trials, channels, times)": {
        "classify imagery or SSVEP": "AugmentedCovarianceClassifier",
        "classify event-related potentials": "ERPAugmentedCovariances",
        "new people, other sessions": "RecenteredCovarianceClassifier",
        "decode a running stream": "StreamDecoder",
    },
    "A table, no labels": {
        "are my K-means labels the best?": "certify_kmeans",
        "the best labels there are": "ExactKMeans",
        "clusters of different shapes": "LikelihoodAdjustedSDP",
        "centers among the points": "KMedoids",
    },
    "A table with labels": {
        "few patterns that separate them": "SupervisedDictionaryLearning",
        "few relevant samples or columns": "SparseBayesianClassifier",
    },
    "A table with a target": {
        "few columns, with error bars": "SparseBayesianRegressor",
        "samples are matrices, wrong targets": "RobustTraceRegressor",
    },
    "Patches or windows,\nmaybe a stream": {
        "a basis that makes them sparse": "OnlineOrthogonalDictionary",
    },
    "Measurements on a grid\n(angles, delays, pixels)": {
        "few sources, with error bars": "KroneckerSBL",
    },
    "A simulator\nand observations": {
        "what the simulator lacks": "MEDIDA",
        "states from noisy observations": "EnsembleKalmanFilter",
    },
}
PAGES = {
    "AugmentedCovarianceClassifier": "augmented_covariance",
    "ERPAugmentedCovariances": "augmented_covariance",
    "EnsembleKalmanFilter": "medida",
    "ExactKMeans": "clustering",
    "KMedoids": "kmedoids",
    "KroneckerSBL": "kronecker_sbl",
    "LikelihoodAdjustedSDP": "clustering",
    "MEDIDA": "medida",
    "OnlineOrthogonalDictionary": "online_dictionary",
    "RecenteredCovarianceClassifier": "augmented_covariance",
    "RobustTraceRegressor": "robust_trace",
    "SparseBayesianClassifier": "sparse_bayes",
    "SparseBayesianRegressor": "sparse_bayes",
    "StreamDecoder": "augmented_covariance",
    "SupervisedDictionaryLearning": "supervised_dictionary",
    "certify_kmeans": "clustering",
}
STEP, LEFT, WIDTH, MIDDLE, RIGHT = 34, 12, 214, 254, 560
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 826 {height}" \
role="img" aria-label="Which estimator?" class="which-chart">
<style>
.which-chart text {{ font: 13px system-ui, sans-serif; fill: currentColor; }}
.which-chart .have {{ font-weight: 600; }}
.which-chart .line {{ stroke: currentColor; stroke-opacity: .35; fill: none; }}
.which-chart a rect {{ fill: #1f4e79; }}
.which-chart a:hover rect {{ fill: #d1742f; }}
.which-chart a text {{ fill: #fff; font: 12.5px ui-monospace, monospace; }}
.which-chart .box {{ fill: currentColor; fill-opacity: .07; }}
</style>"""


def rectangle(x, y, width, height, style=""):
    """Write a rounded box."""
    return (
        f'<rect {style}x="{x}" y="{y:.0f}" width="{width}" height="{height}" rx="5"/>'
    )


def text(x, y, words, style=""):
    """Write a line of words."""
    return f'<text {style}x="{x}" y="{y:.0f}">{escape(words)}</text>'


def line(path):
    """Write a line."""
    return f'<path class="line" d="{path}"/>'


def main():
    """Write the picture."""
    parts, y = [], 10
    for have, wants in CHART.items():
        lines = have.split("\n")
        height = 18 * len(lines) + 14
        block = max(STEP * len(wants), height)  # a box may be taller than its wants
        middle = y + block / 2 - 4
        first = middle - STEP * (len(wants) - 1) / 2
        top = middle - height / 2
        parts.append(rectangle(LEFT, top, WIDTH, height, 'class="box" '))
        for i, words in enumerate(lines):
            at = middle + 5 + 17 * (i - (len(lines) - 1) / 2)
            parts.append(text(LEFT + 10, at, words, 'class="have" '))
        for i, (want, name) in enumerate(wants.items()):
            at = first + STEP * i
            bend = f"C 240 {middle:.0f}, 238 {at:.0f}, 250 {at:.0f}"
            parts.append(line(f"M226 {middle:.0f} {bend}"))
            parts.append(text(MIDDLE, at + 4, want))
            parts.append(line(f"M506 {at:.0f} H 554"))
            box = rectangle(RIGHT, at - 13, 254, 26) + text(RIGHT + 10, at + 4, name)
            parts.append(f'<a href="guide/{PAGES[name]}.html">{box}</a>')
        y += block + 12
    OUT.write_text("\n".join([HEAD.format(height=y), *parts, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
