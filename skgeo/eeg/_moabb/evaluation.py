"""Evaluate pipelines through MOABB: data sets and paradigms by name, resumable."""

import hashlib
import os
import pathlib

from sklearn.utils import Bunch

from skgeo.eeg._moabb.lookup import EMBEDDED, find_dataset, find_paradigm
from skgeo.eeg._moabb.names import pick_name
from skgeo.eeg._moabb.pipelines import param_grids as default_grids
from skgeo.eeg._moabb.pipelines import pipelines as default_pipelines
from skgeo.eeg._moabb.resumable import streaming_evaluation
from skgeo.exceptions import NoNetworkError
from skgeo.utils.files import atomic_write

__all__ = [
    "EVALUATIONS",
    "NoNetworkError",
    "evaluate",
]

EVALUATIONS = {
    "within-session": "WithinSessionEvaluation",
    "cross-session": "CrossSessionEvaluation",
    "cross-subject": "CrossSubjectEvaluation",
}


def _tasks(dataset, paradigm, classes, band, channels, evaluation, file_options):
    """List what to evaluate: (label, data set, paradigm)."""
    if dataset is None:
        dataset = EMBEDDED
    if isinstance(dataset, (str, os.PathLike)):
        is_embedded = str(dataset).lower() == EMBEDDED.lower()
        dataset = find_dataset(
            dataset,
            evaluation=evaluation,
            channels=channels if is_embedded else None,
            **file_options,
        )
        if is_embedded:
            channels = None  # chosen already
    if paradigm is not None and not isinstance(paradigm, str):
        return [(" / ".join(paradigm.used_events(dataset)), dataset, paradigm)]
    if paradigm is None and classes is None and dataset.code.startswith(EMBEDDED):
        choices = [("left_hand", "right_hand"), ("hands", "feet")]
    else:
        choices = [classes]
    tasks = []
    for choice in choices:
        found = find_paradigm(
            paradigm, dataset, classes=choice, band=band, channels=channels
        )
        tasks.append((" / ".join(found.used_events(dataset)), dataset, found))
    return tasks


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


def _check_subjects(dataset, subjects):
    known = {str(subject): subject for subject in dataset.subject_list}
    unknown = [s for s in subjects if str(s) not in known]
    if unknown:
        shown = ", ".join(list(known)[:10]) + (", ..." if len(known) > 10 else "")
        raise ValueError(f"{dataset.code} has no subject {unknown}; it has {shown}.")
    return [known[str(subject)] for subject in dict.fromkeys(subjects)]


def evaluate(
    dataset=None,
    *,
    paradigm=None,
    evaluation="within-session",
    pipelines=None,
    param_grid=None,
    subjects=None,
    classes=None,
    band="default",
    channels=None,
    interval=None,
    events=None,
    n_jobs=1,
    output="results",
    overwrite=False,
    random_state=42,
    report=None,
):
    """Cross-validate pipelines on EEG through MOABB.

    Results are kept in MOABB's HDF5 files below ``output`` as soon as the folds of a
    subject and pipeline are done, and are not computed again: an interrupted run takes
    up where it was.

    Parameters
    ----------
    dataset : str, path-like, moabb data set or None, default=None
        Name of a MOABB data set; a file or folder (:func:`skgeo.datasets.from_files`);
        a data set, such as those of :func:`skgeo.datasets.from_arrays`; None is the
        embedded recording, with both its tasks.
    paradigm : str, moabb paradigm or None, default=None
        Name of a class of ``moabb.paradigms``, or an instance; by default the one that
        fits the data set.
    evaluation : {"within-session", "cross-session", "cross-subject"}, \
            default="within-session"
        What the folds leave out.
    pipelines : dict, str, sequence of str or None, default=None
        Name -> estimator, or what :func:`skgeo.eeg.pipelines` takes.
    param_grid : dict, optional
        Name of a pipeline -> grid for MOABB's nested search; by default the grids that
        belong to the named pipelines.
    subjects : sequence, optional
        Subjects to evaluate; all by default.
    classes : sequence of str, optional
        Classes to tell apart.
    band : (float, float), None or "default", default="default"
        Band-pass filter in Hz; None for none; the paradigm's own by default.
    channels : str or sequence of str, optional
        Channels to keep. For the embedded recording also ``"motor"``, its default, and
        ``"all"``.
    interval : (float, float), optional
        Trial in seconds after the event, for files of continuous recordings.
    events : dict, optional
        Class name -> annotation or code, for files of continuous recordings.
    n_jobs : int, default=1
        Processes over folds.
    output : path-like, default="results"
        Folder for the results.
    overwrite : bool, default=False
        Compute again what is there. MOABB knows results by the parameters of the
        pipeline, not by the release of the packages it is made of.
    random_state : int, default=42
        Seed of the folds; MOABB's own benchmark takes 42.
    report : callable, optional
        Called with a :class:`skgeo.eeg._moabb.resumable.FoldReport` for each fold.

    Returns
    -------
    result : :class:`sklearn.utils.Bunch`
        ``scores``, a DataFrame with one row per subject, session, pipeline and task:
        MOABB's columns (``score``, ``time``, ``samples``, ...) and ``task``,
        ``paradigm``, ``evaluation``, ``metric``; ``folds``, a DataFrame with the
        scores of single folds.

    Raises
    ------
    ValueError
        If a name is unknown or things do not fit each other.
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
    ...         output=folder,
    ...     )
    >>> result.scores.groupby("task").size().to_dict()
    {'hands / feet': 2, 'left_hand / right_hand': 2}
    """
    evaluation = pick_name(evaluation, EVALUATIONS, "evaluation")
    if not isinstance(pipelines, dict):
        names = pipelines
        pipelines = default_pipelines("default" if names is None else names)
        param_grid = param_grid or default_grids(list(pipelines))
    param_grid = param_grid or {}
    file_options = {"interval": interval, "events": events}
    tasks = _tasks(dataset, paradigm, classes, band, channels, evaluation, file_options)
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    folds = _Folds(output / "folds.csv", overwrite)

    import pandas as pd

    frames, emptied = [], set()
    for label, data, found in tasks:
        everyone = data.subject_list
        if subjects is not None:
            data.subject_list = _check_subjects(data, subjects)
        try:
            for suffix, group in _by_grid(pipelines, param_grid).items():
                runner = _runner(
                    evaluation,
                    paradigm=found,
                    datasets=[data],
                    suffix=suffix,
                    # Overwriting empties a file that several tasks may share.
                    overwrite=overwrite and (type(found), suffix) not in emptied,
                    hdf5_path=str(output),
                    random_state=random_state,
                    n_jobs=n_jobs,
                    report=report,
                )
                emptied.add((type(found), suffix))
                runner.task = label
                runner.keep_folds = folds.keeper(label, evaluation, suffix)
                frame = _process(runner, group, param_grid, data)
                wanted = {str(subject) for subject in data.subject_list}
                frame = frame[
                    (frame["dataset"] == data.code)
                    & frame["subject"].astype(str).isin(wanted)
                ]
                frames.append(
                    frame.assign(
                        task=label,
                        paradigm=type(found).__name__,
                        evaluation=evaluation,
                        metric=str(found.scoring),
                    )
                )
                folds.want(found, data, group, suffix, wanted)
        finally:
            data.subject_list = everyone
    ranks = {
        "pipeline": {name: i for i, name in enumerate(pipelines)},
        "task": {label: i for i, (label, _, _) in enumerate(tasks)},
    }
    scores = pd.concat(frames, ignore_index=True).sort_values(
        ["task", "subject", "session", "pipeline"],
        key=lambda column: column.map(ranks.get(column.name, lambda value: value)),
        kind="stable",
        ignore_index=True,
    )
    # MOABB keeps single precision.
    numbers = scores.select_dtypes("float32").columns
    scores[numbers] = scores[numbers].astype(float).round(7)
    return Bunch(scores=scores, folds=folds.read())


class _Folds:
    """Scores of single folds, which MOABB averages away, in a CSV file."""

    def __init__(self, path, overwrite):
        self.path = path
        self.wanted = []
        if overwrite:
            path.unlink(missing_ok=True)

    def keeper(self, label, evaluation, suffix):
        def keep(digest, folds):
            import pandas as pd

            frame = pd.DataFrame(folds)
            frame.insert(0, "task", label)
            frame.insert(1, "evaluation", evaluation)
            frame["key"] = f"{digest}-{suffix}"
            known = self.path.read_text("utf-8") if self.path.exists() else ""
            rows = frame.to_csv(header=not known, index=False, lineterminator="\n")
            atomic_write(self.path, known + rows)

        return keep

    def want(self, paradigm, dataset, pipelines, suffix, subjects):
        from moabb.analysis.results import get_pipeline_digest

        process = paradigm.make_process_pipelines(dataset)[0]
        keys = {
            f"{get_pipeline_digest(process, p)}-{suffix}" for p in pipelines.values()
        }
        self.wanted.append((dataset.code, keys, subjects))

    def read(self):
        import pandas as pd

        if not self.path.exists():
            return pd.DataFrame()
        text = dict.fromkeys(("subject", "session"), str)
        frame = pd.read_csv(self.path, dtype=text)
        mask = pd.Series(False, index=frame.index)
        for code, keys, subjects in self.wanted:
            mask |= (
                (frame["dataset"] == code)
                & frame["key"].isin(keys)
                & frame["subject"].isin(subjects)
            )
        unit = [
            "task",
            "evaluation",
            "dataset",
            "pipeline",
            "subject",
            "session",
            "fold",
        ]
        return frame[mask].drop_duplicates(unit, keep="last").drop(columns="key")


def _by_grid(pipelines, param_grid):
    """Group pipelines by their grid: MOABB does not key results by it, we do."""
    groups = {}
    for name, pipeline in pipelines.items():
        suffix = "skgeo"
        if name in param_grid:
            grid = repr(sorted(param_grid[name].items()))
            suffix += "-grid-" + hashlib.sha256(grid.encode()).hexdigest()[:8]
        groups.setdefault(suffix, {})[name] = pipeline
    return groups


def _runner(evaluation, *, datasets, **options):
    code = datasets[0].code
    try:
        return streaming_evaluation(
            EVALUATIONS[evaluation], datasets=datasets, **options
        )
    except Exception as error:
        if "No datasets left" not in str(error):
            raise
        data = datasets[0] if datasets else None
        n_subjects = len(data.subject_list) if data is not None else "too few"
        needs = {
            "cross-session": "at least two sessions a subject",
            "cross-subject": "at least two subjects",
        }.get(evaluation, "another paradigm")
        raise ValueError(
            f"{code} cannot be evaluated {evaluation}: it takes {needs}; here are "
            f"{n_subjects} subjects."
        ) from error


def _process(runner, pipelines, param_grid, dataset):
    grids = {name: param_grid[name] for name in pipelines if name in param_grid}
    try:
        return runner.process(pipelines, param_grid=grids or None)
    except Exception as error:
        if not _no_network(error):
            raise
        raise NoNetworkError(
            f"{dataset.code} has to be downloaded, and that failed "
            f"({type(error).__name__}). Without a network use the recording that ships "
            f"with skgeo: data set {EMBEDDED!r}, the default. If the files are on this "
            "machine, tell MNE where: MNE_DATA=<folder>, and skip MOABB's own server: "
            "MOABB_DOWNLOAD_PROVIDER=upstream."
        ) from error
