"""Draw the chart "which estimator?": ``python tools/make_chart.py``.

Writes ``docs/_static/which.svg``; every box on the right is a link into the guide.
"""

import pathlib
from xml.sax.saxutils import escape

OUT = pathlib.Path(__file__).resolve().parents[1] / "docs" / "_static" / "which.svg"

# What you have -> [(what you want, estimator, page of the guide)]
CHART = {
    "EEG trials\n(trials, channels, times)": [
        ("classify imagery or SSVEP", "AugmentedCovarianceClassifier", "guide/augmented_covariance"),
        ("classify event-related potentials", "ERPAugmentedCovariances", "guide/augmented_covariance"),
        ("cross people or sessions", "RecenteredCovarianceClassifier", "guide/augmented_covariance"),
        ("decode a running stream", "StreamDecoder", "guide/augmented_covariance"),
    ],
    "A table, no labels": [
        ("are my K-means labels the best?", "certify_kmeans", "guide/clustering"),
        ("the best labels there are", "ExactKMeans", "guide/clustering"),
        ("clusters of unlike shape", "LikelihoodAdjustedSDP", "guide/clustering"),
        ("representatives, any distance", "KMedoids", "guide/kmedoids"),
    ],
    "A table with labels": [
        ("few readable atoms that separate", "SupervisedDictionaryLearning", "guide/supervised_dictionary"),
        ("few relevant samples or columns", "SparseBayesianClassifier", "guide/sparse_bayes"),
    ],
    "A table with a target": [
        ("few columns, with error bars", "SparseBayesianRegressor", "guide/sparse_bayes"),
        ("samples are matrices, gross outliers", "RobustTraceRegressor", "guide/robust_trace"),
    ],
    "Patches or windows,\nmaybe a stream": [
        ("an orthonormal basis, sparse codes", "OnlineOrthogonalDictionary", "guide/online_dictionary"),
    ],
    "Measurements through\na product dictionary": [
        ("the sparse cause, with variances", "KroneckerSBL", "guide/kronecker_sbl"),
    ],
    "A solver, and observations\nof the real system": [
        ("what the solver lacks, as an equation", "MEDIDA", "guide/medida"),
        ("states from noisy observations", "EnsembleKalmanFilter", "guide/medida"),
    ],
}  # fmt: skip
STEP, LEFT, MIDDLE, RIGHT = 34, 12, 232, 524
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 790 {height}" \
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


def main():
    """Write the picture."""
    parts, y = [], 10
    for have, wants in CHART.items():
        middle = y + STEP * len(wants) / 2 - 4
        lines = have.split("\n")
        top = middle - 8 - 9 * len(lines)
        height = 18 * len(lines) + 14
        parts.append(
            f'<rect class="box" x="{LEFT}" y="{top:.0f}" width="192" height="{height}" rx="6"/>'
        )
        for i, line in enumerate(lines):
            at = middle + 5 + 17 * (i - (len(lines) - 1) / 2)
            parts.append(
                f'<text class="have" x="{LEFT + 10}" y="{at:.0f}">{escape(line)}</text>'
            )
        for i, (want, name, page) in enumerate(wants):
            at = y + STEP * i + STEP / 2 - 4
            parts.append(
                f'<path class="line" d="M204 {middle:.0f} C 218 {middle:.0f}, 216 {at:.0f}, 228 {at:.0f}"/>'
            )
            parts.append(f'<text x="{MIDDLE}" y="{at + 4:.0f}">{escape(want)}</text>')
            parts.append(f'<path class="line" d="M470 {at:.0f} H 518"/>')
            parts.append(
                f'<a href="{page}.html"><rect x="{RIGHT}" y="{at - 13:.0f}" width="254" height="26" rx="5"/>'
                f'<text x="{RIGHT + 10}" y="{at + 4:.0f}">{escape(name)}</text></a>'
            )
        y += STEP * len(wants) + 12
    OUT.write_text("\n".join([HEAD.format(height=y), *parts, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
