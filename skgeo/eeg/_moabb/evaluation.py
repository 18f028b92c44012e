"""Evaluate pipelines through MOABB: data sets and paradigms by name, resumable."""

import os
import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sklearn.base import BaseEstimator

from skgeo.eeg._moabb.arguments import (
    check_arguments,
    check_band,
    check_filters,
    check_scorer,
    choose_subjects,
)
from skgeo.eeg._moabb.folds import make_folds
from skgeo.eeg._moabb.jobs import Job, check_crossing, record
from skgeo.eeg._moabb.lookup import (
    EMBEDDED,
    find_dataset,
    find_paradigm,
    is_embedded,
    is_path,
)
from skgeo.eeg._moabb.names import pick_name
from skgeo.eeg._moabb.pipelines import param_grids as default_grids
from skgeo.eeg._moabb.pipelines import pipelines as default_pipelines
from skgeo.eeg._moabb.progress import progress
from skgeo.eeg._moabb.resumable import FoldReport, Tally, run_job
from skgeo.eeg._moabb.store import Store
from skgeo.eeg._moabb.study import EvaluationResult, Study
from skgeo.exceptions import NoNetworkError

__all__ = ["evaluate"]

EVALUATIONS = ("within-session", "cross-session", "cross-subject")
# What is told apart in the embedded recording: hands against feet only on request, as
# every pipeline solves it.
EMBEDDED_CLASSES = (
    ("left_hand", "right_hand"),
    ("left_hand", "right_hand", "hands", "feet"),
)


def evaluate(
    dataset: Any = None,
    *,
    paradigm: Any = None,
    evaluation: str = "within-session",
    pipelines: Mapping[str, BaseEstimator] | str | Sequence[str] | None = None,
    param_grid: Mapping[str, Mapping] | None = None,
    subjects: str | Sequence[int | str] | None = None,
    classes: Sequence[str] | None = None,
    band: tuple[float, float] | str | None = "default",
    channels: str | Sequence[str] | None = None,
    interval: tuple[float, float] | None = None,
    events: Mapping | None = None,
    resample: float | None = None,
    cv: Any = None,
    scorer: str | Callable | None = None,
    n_jobs: int = 1,
    output: str | os.PathLike = "results",
    overwrite: bool = False,
    random_state: int = 42,
    callbacks: Callable | Sequence[Callable] | None = None,
    verbose: int = 0,
) -> EvaluationResult:
    """Cross-validate pipelines on EEG through MOABB.

    Results are kept below ``output``, one file per subject and pipeline, as soon as
    their folds are done, and are not computed again: an interrupted run continues
    where it stopped, and several processes may share the folder.

    Parameters
    ----------
    dataset : str, path-like, moabb data set, sequence of them, or None, default=None
        Name of a MOABB data set; a file or folder (:func:`skgeo.datasets.from_files`);
        a data set, such as those of :func:`skgeo.datasets.from_arrays`; several of
        these; None is the embedded recording: left against right hand, and all four
        movements, each with MOABB's folds and with folds that leave a pair of runs out.
    paradigm : str, moabb paradigm or None, default=None
        Name of a class of ``moabb.paradigms``, or an instance; by default the one that
        fits the data set.
    evaluation : {"within-session", "cross-session", "cross-subject"}, \
            default="within-session"
        What the folds leave out.
    pipelines : dict, str, sequence of str or None, default=None
        Name -> estimator, or what :func:`skgeo.eeg.pipelines` takes; by default the
        set for the kind of data set, ``"p300"`` for event-related potentials. Steps
        with a parameter ``sfreq`` or ``band`` that is None get those of the trials.
    param_grid : dict, optional
        Name of a pipeline -> grid for MOABB's nested search; by default the grids that
        belong to the named pipelines.
    subjects : str or sequence, optional
        Subjects to evaluate, also as words: ``"1,2,5-8"``; all by default.
    classes : sequence of str, optional
        Classes to tell apart, at least two.
    band : (float, float), None or "default", default="default"
        Band-pass filter in Hz; None for none; the paradigm's own by default.
    channels : str or sequence of str, optional
        Channels to keep. For the embedded recording also ``"motor"``, its default, and
        ``"all"``.
    interval : (float, float), optional
        Trial in seconds after the event, for files of continuous recordings.
    events : dict, optional
        Class name -> mark or marks, for files of continuous recordings, as in
        :func:`skgeo.datasets.from_raws`.
    resample : float, optional
        Sampling frequency in Hz to bring trials to, and recordings in files before
        that, if theirs differ.
    cv : int, str or splitter, optional
        Folds within each session. By default MOABB's five, random and stratified. A
        number of such folds; ``"runs"`` and ``"run-pairs"`` leave one run or a pair of
        consecutive runs out at a time; ``"blocks"`` are five blocks of consecutive
        trials, ``"chronological"`` trains on what came before each (``"blocks:8"`` for
        eight); or a splitter of scikit-learn, whose groups are the runs.
    scorer : str or callable, optional
        Name of a scorer of scikit-learn, or a scorer; by default the paradigm's own:
        ROC-AUC for two classes, accuracy for more.
    n_jobs : int, default=1
        Number of processes over folds; -1 for all cores.
    output : path-like, default="results"
        Folder for the results.
    overwrite : bool, default=False
        Compute again what is there. Results know the parameters of the pipeline, the
        settings, and the releases of skgeo, MOABB, MNE, pyriemann and scikit-learn.
    random_state : int, default=42
        Seed of the folds; MOABB's own benchmark takes 42.
    callbacks : callable or sequence of callables, optional
        Called with a ``FoldReport`` for each fold: task, pipeline, dataset, subject,
        session, fold, n_folds, done, total, score, time.
    verbose : int, default=0
        1 for a progress bar on a terminal and a line per subject and pipeline
        elsewhere; 2 for a line per fold.

    Returns
    -------
    result : EvaluationResult
        ``scores``, a DataFrame with one row per subject, session, pipeline and task:
        MOABB's columns (``score``, ``time``, ``samples``, ...) and ``task``,
        ``paradigm``, ``evaluation``, ``folds``, ``metric``; ``folds``, a DataFrame with
        the scores of single folds; ``study``, what was evaluated and how.

    Raises
    ------
    ValueError
        If a name is unknown, things do not fit each other, or an argument would have
        no effect.
    NoNetworkError
        If the data set has to be downloaded and cannot be.

    Examples
    --------
    >>> import tempfile
    >>> from skgeo.eeg import evaluate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = evaluate(
    ...         pipelines=["Cov+MDM", "ACM+MDM"],
    ...         channels=["C3", "Cz", "C4"],
    ...         classes=["hands", "feet"],
    ...         output=folder,
    ...     )
    >>> result.scores.groupby("task").size().to_dict()
    {'hands / feet': 2}
    """
    start = time.perf_counter()
    arguments = {k: v for k, v in locals().items() if k not in ("start", "arguments")}
    checked = check_arguments(
        resample=resample,
        n_jobs=n_jobs,
        overwrite=overwrite,
        random_state=random_state,
        verbose=verbose,
        classes=classes,
        channels=channels,
        subjects=subjects,
        interval=interval,
        callbacks=callbacks,
    )
    evaluation = pick_name(evaluation, EVALUATIONS, "evaluation")
    options = {
        "evaluation": evaluation,
        "paradigm": paradigm,
        "classes": checked.classes,
        "band": check_band(band),
        "channels": checked.channels,
        "resample": checked.resample,
        "cv": cv,
        "scorer": check_scorer(scorer, 2),
        "subjects": checked.subjects,
        "random_state": checked.random_state,
    }
    default = pipelines is None or (
        isinstance(pipelines, str) and pipelines == "default"
    )
    pipelines, grids = _pipelines(pipelines, param_grid)
    options["default_pipelines"] = default
    store = Store(output)
    store.check()
    with _quiet_moabb():
        jobs = _jobs(dataset, pipelines, grids, checked.interval, events, options)
        keys = [job.keys() for job in jobs]
        everything = {key for of_job in keys for key in of_job.values()}
        if checked.overwrite:
            for key in everything:
                store.remove(key)
        todo = sum(
            store.read(key) is None for of_job in keys for key in of_job.values()
        )
        with progress(todo, checked.verbose) as bar:
            told = [*_each(checked.callbacks), *([bar] if bar else [])]
            tally = Tally(todo)
            try:
                for job in jobs:
                    _run(job, store, tally, _tell_all(told), checked.n_jobs)
            finally:
                store.write_folds()
        units = [[store.read(key) for key in of_job.values()] for of_job in keys]
        _check_complete(units, store)
        study = Study(
            tasks=tuple(record(job, u) for job, u in zip(jobs, units, strict=True)),
            arguments=_given(arguments),
            pipelines={
                name: _one_line(p) for job in jobs for name, p in job.pipelines.items()
            },
            wall_time=time.perf_counter() - start,
            cpu_time=sum(unit["cpu"] for of_job in units for unit in of_job),
            n_computed=tally.done,
            n_found=len(everything) - tally.done,
        )
    return _tables(jobs, units, study)


def _each(callbacks):
    if callbacks is None:
        return []
    return [callbacks] if callable(callbacks) else list(callbacks)


def _tell_all(callbacks):
    if not callbacks:
        return None

    def tell(report: FoldReport):
        for callback in callbacks:
            callback(report)

    return tell


def _pipelines(pipelines, param_grid):
    """Bring pipelines and grids to dicts; every grid belongs to a pipeline."""
    if not isinstance(pipelines, Mapping):
        pipelines = default_pipelines("default" if pipelines is None else pipelines)
        param_grid = param_grid or default_grids(list(pipelines))
    for name, pipeline in pipelines.items():
        if not isinstance(name, str) or not isinstance(pipeline, BaseEstimator):
            raise ValueError(
                "pipelines must map names to scikit-learn estimators; got "
                f"{name!r}: {type(pipeline).__name__}."
            )
    if not pipelines:
        raise ValueError("pipelines holds no pipeline.")
    grids = {
        pick_name(name, pipelines, "pipeline in param_grid"): dict(grid)
        for name, grid in (param_grid or {}).items()
    }
    return dict(pipelines), grids


def _jobs(dataset, pipelines, grids, interval, events, options):
    """List the jobs of a study: data sets by tasks by folds."""
    several = isinstance(dataset, (list, tuple))
    given = list(dataset) if several else [EMBEDDED if dataset is None else dataset]
    if not given:
        raise ValueError("dataset is an empty list.")
    file_options = {"interval": interval, "events": events}
    _check_file_options(given, file_options)
    jobs = []
    for one in given:
        jobs += _jobs_of(one, pipelines, grids, file_options, options, len(given) > 1)
    _tell_apart(jobs)
    return jobs


def _tell_apart(jobs):
    """Refuse tasks of the same name, whose rows would be taken together."""
    seen = {}
    for job in jobs:
        other = seen.setdefault(job.task, job)
        if other is not job:
            raise ValueError(
                f"Two data sets give a task called {job.task!r}, {other.dataset.code} "
                f"and {job.dataset.code}: give one of them another name."
            )


def _check_file_options(given, file_options):
    """Refuse interval and events where no data set is a file."""
    named = {"interval": "interval= (--interval)", "events": "events= (--event)"}
    used = [named[key] for key, value in file_options.items() if value is not None]
    if used and not any(is_path(one) for one in given):
        raise ValueError(
            f"{' and '.join(used)} {'is' if len(used) == 1 else 'are'} for files of "
            "continuous recordings; the trials of this data set are defined already."
        )


def _jobs_of(dataset, pipelines, grids, file_options, options, several):
    evaluation, channels = options["evaluation"], options["channels"]
    embedded = is_embedded(dataset)
    if isinstance(dataset, (str, os.PathLike)):
        by_name = embedded
        dataset = find_dataset(
            dataset,
            evaluation=evaluation,
            channels=channels if embedded else None,
            resample=options["resample"],
            several=several,
            **file_options,
        )
        channels = None if by_name else channels  # chosen already
    _check_dataset(dataset)
    folds = [make_folds(options["cv"], evaluation)]
    choices = [options["classes"]]
    if embedded and options["paradigm"] is None and options["classes"] is None:
        choices = list(EMBEDDED_CLASSES)
        pairs = evaluation == "within-session" and dataset.sessions == "one"
        if options["cv"] is None and pairs:
            folds.append(make_folds("run-pairs", evaluation))
    subjects = choose_subjects(dataset, options["subjects"])
    if options["default_pipelines"] and dataset.paradigm == "p300":
        # Covariances of single trials are blind to what is locked to a stimulus.
        pipelines, grids = default_pipelines("p300"), {}
    jobs = []
    for classes in choices:
        paradigm = _paradigm(dataset, classes, channels, options)
        label = " / ".join(paradigm.used_events(dataset))
        for rule in folds:
            job = Job(
                task=_task_name(label, dataset, rule, several, len(folds) > 1),
                dataset=dataset,
                paradigm=paradigm,
                evaluation=evaluation,
                folds=rule,
                pipelines=pipelines,
                grids=grids,
                subjects=subjects,
                random_state=options["random_state"],
            )
            check_crossing(job)
            jobs.append(job)
    return jobs


def _task_name(label, dataset, rule, several_datasets, several_folds):
    name = f"{_short_code(dataset.code)}: {label}" if several_datasets else label
    if several_folds and rule.name != "default":
        name += ", pairs of runs left out"
    return name


def _short_code(code):
    """Code of a data set, without the digest of the user's own recordings."""
    return re.sub(r"^Recordings-(.+)-[0-9a-f]{16}$", r"\1", code)


def _paradigm(dataset, classes, channels, options):
    paradigm = options["paradigm"]
    sfreq = getattr(dataset, "sfreq", None)
    if paradigm is None or isinstance(paradigm, str):
        band = check_band(options["band"], options["resample"] or sfreq)
        found = find_paradigm(
            paradigm,
            dataset,
            classes=classes,
            band=band,
            channels=channels,
            resample=options["resample"],
            scorer=options["scorer"],
        )
    else:
        _check_paradigm(paradigm, dataset, options)
        found = paradigm
    check_filters(found, dataset)
    used = found.used_events(dataset)
    if len(used) < 2:
        raise ValueError(
            f"{dataset.code}: the paradigm {type(found).__name__} uses one class, "
            f"{list(used)}, and there is nothing to tell apart; the data set has "
            f"{list(dataset.event_id)}."
        )
    check_scorer(options["scorer"], len(used))
    return found


def _check_paradigm(paradigm, dataset, options):
    from moabb.paradigms.base import BaseParadigm

    if not isinstance(paradigm, BaseParadigm):
        raise ValueError(
            "paradigm must be the name of a class of moabb.paradigms or an instance; "
            f"got {paradigm!r}."
        )
    idle = [
        f"{key}="
        for key in ("classes", "channels", "resample", "scorer")
        if options[key] is not None
    ]
    idle += ["band="] if options["band"] != "default" else []
    if idle:
        raise ValueError(
            f"{' and '.join(idle)} would have no effect beside a paradigm that is made "
            "already: set it there, or give the paradigm by name."
        )
    if not paradigm.is_valid(dataset):
        raise ValueError(
            f"{type(paradigm).__name__} does not fit {dataset.code}, a data set of "
            f"kind {dataset.paradigm!r} with the classes {', '.join(dataset.event_id)}."
        )


def _check_dataset(dataset):
    from moabb.datasets.base import BaseDataset

    if not isinstance(dataset, BaseDataset):
        raise ValueError(
            "dataset must be the name of a MOABB data set, a path, or a data set; got "
            f"{type(dataset).__name__}. Make one with skgeo.datasets.from_arrays, "
            "from_epochs or from_raws."
        )


def _run(job, store, tally, report, n_jobs):
    try:
        run_job(job, store, tally=tally, report=report, n_jobs=n_jobs)
    except Exception as error:
        if not _no_network(error):
            raise
        raise NoNetworkError(
            f"{job.dataset.code} has to be downloaded, and that failed "
            f"({type(error).__name__}). Without a network use the recording that ships "
            f"with skgeo: data set {EMBEDDED!r}, the default. If the files are on this "
            "machine, tell MNE where: MNE_DATA=<folder>, and skip MOABB's own server: "
            "MOABB_DOWNLOAD_PROVIDER=upstream."
        ) from error


def _no_network(error):
    """Whether an error, or what caused it, is that of a failed download."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        kinds = {f"{c.__module__}.{c.__name__}" for c in type(error).__mro__}
        if kinds & {
            "requests.exceptions.RequestException",
            "urllib.error.URLError",
            "urllib3.exceptions.HTTPError",
            "socket.gaierror",
            "builtins.ConnectionError",
            "builtins.TimeoutError",
            "moabb.datasets.download.NemarDownloadError",
        }:
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def _quiet_moabb():
    """Keep MNE, MOABB and their dependencies from talking, and from long retries."""
    import logging

    import mne
    import moabb

    loggers = [logging.getLogger(name) for name in ("moabb", "mne")]
    levels = [logger.level for logger in loggers]
    # Without a network MOABB's own server costs rounds of retries.
    provider = "MOABB_DOWNLOAD_PROVIDER"
    unset = mne.get_config(provider) is None
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for module in ("moabb", "mne", "h5py"):
            warnings.filterwarnings("ignore", module=rf"{module}(\..*)?")
        moabb.set_log_level("error")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        if unset:
            os.environ[provider] = "upstream"
        try:
            yield
        finally:
            if unset:
                os.environ.pop(provider, None)
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _check_complete(units, store):
    if any(unit is None for of_job in units for unit in of_job):
        raise OSError(
            f"Results in {store.folder} disappeared or were damaged while this ran; "
            "run it again: what is there is not computed anew."
        )


def _given(arguments):
    """Arguments that differ from their defaults."""
    import inspect

    defaults = inspect.signature(evaluate).parameters
    silent = {"callbacks", "verbose", "n_jobs", "overwrite"}
    return {
        name: value
        for name, value in arguments.items()
        if name not in silent and not _is_default(value, defaults[name].default)
    }


def _is_default(value, default):
    return value is default or (type(value) is type(default) and value == default)


def _one_line(pipeline):
    return re.sub(r"\s+", " ", repr(pipeline))


def _tables(jobs, units, study):
    """Put the tables together, in the order of tasks, subjects and pipelines."""
    import pandas as pd

    scores, folds = [], []
    for job, of_job in zip(jobs, units, strict=True):
        names = list(job.pipelines)
        people = [str(subject) for subject in job.subjects]

        def place(unit, names=names, people=people):
            row = unit["rows"][0]
            return people.index(row["subject"]), names.index(row["pipeline"])

        ordered = sorted(of_job, key=place)
        for subject in people:
            own = [u for u in ordered if u["rows"][0]["subject"] == subject]
            for session in own[0]["about"]["trials"]:
                scores += [
                    row for u in own for row in u["rows"] if row["session"] == session
                ]
            folds += [row for u in own for row in u["folds"]]
    frame = pd.DataFrame(folds).drop(columns="setup").reset_index(drop=True)
    return EvaluationResult(pd.DataFrame(scores), frame, study)
