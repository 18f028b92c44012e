"""Augmented covariances against plain ones through MOABB, on the embedded recording.

Within-session evaluation, both tasks, fixed order and lag, and order and lag searched
by MOABB's ``param_grid`` (inner 3-fold, outer 5-fold). The grid is smaller than MOABB's
own (order 1 to 10, lag 1 to 10, C, kernel: 600 settings): order 1 to 4, lag 1, 2, 4, 8.

Usage: ``python -m benchmarks.eeg.bench_moabb [--quick]``
"""

import argparse
import itertools
import tempfile

from benchmarks import common
from skgeo.datasets._eeg.embedded_eeg import MOTOR_CHANNELS
from skgeo.eeg import evaluate, param_grids

PIPELINES = [
    "Cov+MDM",
    "Cov+TS+SVM",
    "ACM+MDM",
    "ACM+TS+SVM",
    "ACM+MDM(grid)",
    "ACM+TS+SVM(grid)",
]
TASKS = (["left_hand", "right_hand"], ["hands", "feet"])
NINE = ["FC3", "FCz", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three channels, seconds")
    quick = parser.parse_args().quick
    sets = [["C3", "Cz", "C4"]] if quick else [NINE, list(MOTOR_CHANNELS)]
    rows = []
    for channels, classes in itertools.product(sets, TASKS):
        with tempfile.TemporaryDirectory() as folder:
            result = evaluate(
                pipelines=PIPELINES, channels=channels, classes=classes, output=folder
            )
        spread = result.folds.groupby(["task", "pipeline"])["score"].std()
        rows += [
            {
                "task": row.task,
                "channels": len(channels),
                "pipeline": row.pipeline,
                "auc": row.score,
                "sd_over_folds": spread[row.task, row.pipeline],
                "fit_wall": row.time,
                "trials": row.samples,
            }
            for row in result.scores.itertuples()
        ]
    common.save("eeg_moabb", rows, quick=quick, grids=param_grids(PIPELINES))


if __name__ == "__main__":
    main()
