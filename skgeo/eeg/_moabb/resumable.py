"""Evaluations that tell of every fold and keep what is finished.

MOABB 1.7 runs all folds of a data set and writes results when the last is done, in an
HDF5 file that a crash or a full disk can ruin. Here the same folds run through the same
function of MOABB, each is reported, and the results of a subject and pipeline are
written, in a file of their own, as soon as its folds are complete; the next run finds
them there.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from skgeo.eeg._moabb.folds import fewest_per_class
from skgeo.eeg._moabb.jobs import Job, metric_name
from skgeo.eeg._moabb.store import Store
from skgeo.eeg._moabb.study import releases
from skgeo.eeg._moabb.trials import load_trials, session_name, tell_rate_and_band

__all__ = ["FoldReport", "Tally", "run_job"]


@dataclass(frozen=True)
class FoldReport:
    """What is told of a fold when it starts (``score`` is None) and when it is done.

    Attributes
    ----------
    task : str
        The classes to tell apart.
    pipeline : str
        Name of the pipeline.
    dataset, subject, session : str
        What is tested on.
    fold, n_folds : int
        Number of the fold, from 1, and how many this pipeline and subject have.
    done, total : int
        Units of work (a task, subject and pipeline) finished, and to do, in the whole
        study, without those that were found computed.
    score : float or None
        Score of the fold; the mean over sessions if it tests several.
    time : float or None
        Seconds of the fit.
    """

    task: str
    pipeline: str
    dataset: str
    subject: str
    session: str
    fold: int
    n_folds: int
    done: int
    total: int
    score: float | None = None
    time: float | None = None


class Tally:
    """Counts the units of work of a study for the reports of folds."""

    def __init__(self, total: int = 0):
        self.done, self.total = 0, total


def run_job(
    job: Job,
    store: Store,
    *,
    tally: Tally,
    report: Callable[[FoldReport], None] | None = None,
    n_jobs: int = 1,
) -> None:
    """Compute what the store lacks of a job.

    Parameters
    ----------
    job : Job
        What to evaluate.
    store : Store
        Where results are kept.
    tally : Tally
        Counts units of work over several jobs.
    report : callable, optional
        Called with a :class:`FoldReport` when a fold is done and, with one job, also
        when it starts.
    n_jobs : int, default=1
        Processes over folds.
    """
    keys = job.keys()
    # Within one subject at a time, so that memory holds one subject's trials.
    together = job.evaluation == "cross-subject"
    for group in [job.subjects] if together else [(s,) for s in job.subjects]:
        wanted = [unit for unit in keys if unit[0] in group]
        # Another process may have been here since the work was counted.
        missing = [unit for unit in wanted if store.read(keys[unit]) is None]
        if missing:
            loaded = load_trials(job, job.subjects if together else group)
            _run(job, store, keys, missing, loaded, tally, report, n_jobs)


@dataclass(frozen=True)
class _Fold:
    """A fold of one pipeline."""

    subject: object
    session: str
    pipeline: str
    train: np.ndarray
    test: np.ndarray
    number: int  # from 1, in its session where there are folds in each


def _plan(job, loaded, missing):
    """List the folds to run, those of a subject and pipeline together."""
    y, metadata = loaded.y, loaded.metadata
    within = job.evaluation == "within-session"
    if within:
        _check_classes(job, loaded)
    plan = defaultdict(list)
    counts = defaultdict(int)
    wanted = defaultdict(list)
    for subject, name in missing:
        wanted[subject].append(name)
    for train, test in job.folds.split(
        np.asarray(y), metadata, job.evaluation, job.random_state
    ):
        tested = metadata.iloc[test]
        subject, session = tested["subject"].iloc[0], tested["session"].iloc[0]
        counts[subject, session if within else None] += 1
        number = counts[subject, session if within else None]
        if subject not in wanted:
            continue
        _check_fold(job, y, metadata, train, test)
        for name in wanted[subject]:
            fold = _Fold(subject, session, name, train, test, number)
            plan[subject, name].append(fold)
    for unit in missing:
        if unit not in plan:
            raise ValueError(
                f"{job.dataset.code}: no fold tests subject {unit[0]!r} "
                f"({job.evaluation}): it has too few sessions."
            )
    return {unit: plan[unit] for unit in missing}


def _where(job, row):
    session = session_name(job, row["subject"], row["session"])
    return f"{job.dataset.code}, subject {row['subject']!s}, session {session}"


def _check_classes(job, loaded):
    """Refuse sessions with one class, or with fewer trials than folds."""
    fewest = fewest_per_class(job.folds)
    for subject, about in loaded.about.items():
        for session, counts in about["trials"].items():
            where = f"{job.dataset.code}, subject {subject}, session {session}"
            if len(counts) < 2:
                raise ValueError(
                    f"{where}: there is only the class {next(iter(counts))!r}, nothing "
                    "to tell apart. Leave the subject out with subjects= (--subjects), "
                    "or choose other classes."
                )
            if min(counts.values()) < fewest:
                shown = ", ".join(f"{n} of {label!r}" for label, n in counts.items())
                raise ValueError(
                    f"{where}: {fewest} folds need {fewest} trials of each class; "
                    f"there are {shown}. Give fewer folds, cv= (--folds), at most "
                    f"{max(2, min(counts.values()))}, or leave the subject out."
                )


def _check_fold(job, y, metadata, train, test):
    trained, tested = set(y[train]), set(y[test])
    row = metadata.iloc[test[0]]
    if len(trained) < 2:
        raise ValueError(
            f"{_where(job, row)}: a training set holds {len(trained)} class, "
            f"{sorted(map(str, trained))}. Choose other folds, cv= (--folds), or other "
            "classes."
        )
    if not tested <= trained:
        raise ValueError(
            f"{_where(job, row)}: the classes {sorted(map(str, tested - trained))} are "
            "tested but not in the training set. Choose other folds, cv= (--folds)."
        )
    if len(tested) < 2 and job.paradigm.scoring == "roc_auc":
        raise ValueError(
            f"{_where(job, row)}: a test set holds one class, for which there is no "
            "ROC-AUC. Choose other folds, cv= (--folds), or scorer='accuracy'."
        )


def _run_fold(X, y, metadata, unit, position, task):
    # At the top level, so that joblib can send it to other processes.
    from moabb.evaluations.base import _evaluate_fold

    start = time.process_time()
    try:
        rows = _evaluate_fold(X, y, metadata, **task)
    except Exception as error:
        where = f"pipeline {task['pipeline_name']}, subject {task['subject']}"
        error.add_note(f"in {where}, fold {position + 1}")
        raise
    return unit, position, rows, time.process_time() - start


class _Code:
    """Stands in for a data set in worker processes: they need its code only."""

    def __init__(self, code):
        self.code = code


def _task(job, fold, pipeline, position):
    """Arguments of MOABB's function that fits and scores a fold."""
    grid = job.grids.get(fold.pipeline)
    config = {
        "scoring": job.paradigm.scoring,
        "error_score": "raise",
        "random_state": job.random_state,
        "param_grid": None if grid is None else {fold.pipeline: grid},
        "additional_columns": [],
        "score_per_session": job.evaluation == "cross-subject",
        "mne_labels": False,
        "codecarbon_config": None,
        "n_jobs_grid": 1,
        "optuna": False,
        "time_out": 900,
        "hdf5_path": None,
        "save_model": False,
        "eval_type": job.evaluation,
    }
    return {
        "config": config,
        "dataset": _Code(job.dataset.code),
        "pipeline_name": fold.pipeline,
        "pipeline": pipeline,
        "train_idx": fold.train,
        "test_idx": fold.test,
        "subject": fold.subject,
        "session": fold.session,
        "cv_ind": position,
    }


def _run(job, store, keys, missing, loaded, tally, report, n_jobs):
    plan = _plan(job, loaded, missing)
    pipelines = {}
    for name in {name for _, name in missing}:
        sfreq = next(iter(loaded.about.values()))["sfreq"]
        pipelines[name] = tell_rate_and_band(
            job.pipelines[name], sfreq, job.filter_band()
        )
    tasks = [
        (unit, position, _task(job, fold, pipelines[unit[1]], position))
        for unit, folds in plan.items()
        for position, fold in enumerate(folds)
    ]

    def tell(unit, position, **outcome):
        if report is not None:
            fold = plan[unit][position]
            report(
                FoldReport(
                    task=job.task,
                    pipeline=unit[1],
                    dataset=job.dataset.code,
                    subject=str(unit[0]),
                    session=session_name(job, unit[0], fold.session),
                    fold=position + 1,
                    n_folds=len(plan[unit]),
                    done=tally.done,
                    total=tally.total,
                    **outcome,
                )
            )

    results = defaultdict(dict)  # unit -> position -> (rows, CPU seconds)
    for unit, position, rows, cpu in _outcomes(loaded, tasks, n_jobs, tell):
        results[unit][position] = rows, cpu
        if len(results[unit]) == len(plan[unit]):
            outcome = results.pop(unit)
            store.write(_unit(job, keys[unit], unit, plan[unit], outcome, loaded))
            tally.done += 1
        score = sum(row["score"] for row in rows) / len(rows)
        tell(unit, position, score=float(score), time=float(rows[0]["time"]))


def _outcomes(loaded, tasks, n_jobs, tell):
    X, y, metadata = loaded.X, loaded.y, loaded.metadata
    if n_jobs == 1:
        for task in tasks:
            tell(*task[:2])
            yield _run_fold(X, y, metadata, *task)
        return
    yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_run_fold)(X, y, metadata, *task) for task in tasks
    )


def _unit(job, key, unit, folds, outcome, loaded):
    """Content of a unit: a row per session, a row per fold, and what they are of."""
    subject, name = unit
    base = {"dataset": job.dataset.code, "pipeline": name, "subject": str(subject)}
    base |= {"task": job.task, "evaluation": job.evaluation}
    base["folds"] = job.folds.describe(job.evaluation)
    fold_rows, by_session = [], defaultdict(list)
    for position, fold in enumerate(folds):
        for row in outcome[position][0]:
            session = session_name(job, subject, str(row["session"]))
            by_session[session].append(row)
            fold_rows.append(
                {
                    **base,
                    "session": session,
                    "fold": fold.number,
                    "score": float(row["score"]),
                    "time": float(row["time"]),
                    "n_train": int(row["n_samples"]),
                    "n_test": int(row["n_samples_test"]),
                    "setup": job.setup()[:12],
                }
            )
    within = job.evaluation == "within-session"
    rows = []
    for session, found in by_session.items():
        n_samples = found[0]["n_samples_total" if within else "n_samples"]
        rows.append(
            {
                **base,
                "session": session,
                "score": float(np.mean([row["score"] for row in found])),
                "time": float(np.mean([row["time"] for row in found])),
                "samples": int(n_samples),
                "samples_test": int(np.mean([row["n_samples_test"] for row in found])),
                "n_classes": int(max(row["n_classes"] for row in found)),
                "channels": int(found[0]["n_channels"]),
                "n_sessions": int(job.dataset.n_sessions),
                "paradigm": type(job.paradigm).__name__,
                "metric": metric_name(job.paradigm.scoring),
            }
        )
    return {
        "key": key,
        "rows": rows,
        "folds": fold_rows,
        "about": loaded.about[subject],
        "cpu": float(sum(cpu for _, cpu in outcome.values())),
        "releases": releases(),
    }
