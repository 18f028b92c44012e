"""Tasks to evaluate: what they are, and under which keys their results are kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from skgeo.eeg._moabb.folds import Folds
from skgeo.eeg._moabb.store import digest_of, unit_key
from skgeo.eeg._moabb.study import TaskRecord, releases

__all__ = ["Job", "check_crossing", "metric_name", "record"]


@dataclass(frozen=True)
class Job:
    """One task to evaluate.

    Attributes
    ----------
    task : str
        Its name.
    dataset : moabb.datasets.base.BaseDataset
        The data set.
    paradigm : moabb.paradigms.base.BaseParadigm
        The paradigm.
    evaluation : str
        Name of the evaluation.
    folds : Folds
        The folds.
    pipelines : dict of str to estimator
        What to evaluate.
    grids : dict of str to dict
        Grids of pipelines that MOABB searches.
    subjects : tuple
        Whom to evaluate.
    random_state : int
        Seed of the folds.
    """

    task: str
    dataset: object
    paradigm: object
    evaluation: str
    folds: Folds
    pipelines: dict
    grids: dict
    subjects: tuple
    random_state: int

    def setup(self) -> str:
        """Digest of all that decides the results, but for whom and which pipeline."""
        paradigm = {
            name: digest_of(value) if callable(value) else repr(value)
            for name, value in sorted(vars(self.paradigm).items())
        }
        splitter = self.folds.splitter
        return unit_key(
            task=self.task,
            dataset=self.dataset.code,
            paradigm=[type(self.paradigm).__name__, paradigm],
            events=self.paradigm.used_events(self.dataset),
            interval=list(self.dataset.interval),
            evaluation=self.evaluation,
            folds=[self.folds.describe(self.evaluation), self.folds.n_splits],
            splitter=digest_of(splitter) if splitter is not None else None,
            # Whoever is left out is trained on: others make another result.
            people=sorted(map(str, self.subjects))
            if self.evaluation == "cross-subject"
            else None,
            random_state=self.random_state,
            releases=releases(),
        )

    def keys(self) -> dict:
        """Map (subject, pipeline) to the keys under which results are kept."""
        setup = self.setup()
        return {
            (subject, name): unit_key(
                setup=setup,
                subject=str(subject),
                pipeline=name,
                estimator=digest_of(pipeline),
                grid=digest_of(sorted(self.grids[name].items()))
                if name in self.grids
                else None,
            )
            for name, pipeline in self.pipelines.items()
            for subject in self.subjects
        }

    @property
    def session_names(self):
        """Names of sessions as given, by subject and MOABB's key."""
        return getattr(self.dataset, "session_names", {})

    def filter_band(self):
        """Edges of the filter in Hz, None for none or for a bank of filters."""
        filters = getattr(self.paradigm, "filters", None) or []
        if len(filters) != 1:
            return None
        band = tuple(None if edge is None else float(edge) for edge in filters[0])
        return None if band == (None, None) else band

    def interval(self):
        """First and last time of a trial in seconds after its event."""
        start, stop = map(float, self.dataset.interval)
        tmax = self.paradigm.tmax
        first = start + float(self.paradigm.tmin)
        return first, stop if tmax is None else start + float(tmax)


def metric_name(scoring) -> str:
    """Return the name of a score, for tables.

    Parameters
    ----------
    scoring : str or callable
        What the paradigm scores by.

    Returns
    -------
    name : str
        Its name.
    """
    if isinstance(scoring, str):
        return scoring
    function = getattr(scoring, "_score_func", scoring)
    return re.sub("_score$", "", getattr(function, "__name__", "own scorer"))


def record(job: Job, units: Sequence[dict]) -> TaskRecord:
    """Describe a job whose units are all there.

    Parameters
    ----------
    job : Job
        The job.
    units : sequence of dict
        Its units.

    Returns
    -------
    record : TaskRecord
        What the page says of it.
    """
    about = {unit["rows"][0]["subject"]: unit["about"] for unit in units}
    any_one = next(iter(about.values()))
    documented = getattr(getattr(job.dataset, "metadata", None), "documentation", None)
    return TaskRecord(
        task=job.task,
        dataset=job.dataset.code,
        doi=str(getattr(job.dataset, "doi", None) or ""),
        license=str(
            getattr(job.dataset, "license", None)
            or getattr(documented, "license", None)
            or ""
        ),
        paradigm=type(job.paradigm).__name__,
        evaluation=job.evaluation,
        folds=job.folds.describe(job.evaluation),
        metric=metric_name(job.paradigm.scoring),
        classes=tuple(job.paradigm.used_events(job.dataset)),
        trials={str(s): about[str(s)]["trials"] for s in job.subjects},
        channels=tuple(any_one["channels"]),
        n_channels=any_one["n_channels"],
        sfreq=any_one["sfreq"],
        band=job.filter_band(),
        interval=job.interval(),
        random_state=job.random_state,
    )


def check_crossing(job: Job) -> None:
    """Refuse an evaluation that the data set cannot have.

    Parameters
    ----------
    job : Job
        The job.

    Raises
    ------
    ValueError
        If there are too few subjects or sessions.
    """
    n_subjects = len(job.subjects)
    if job.evaluation == "cross-subject" and n_subjects < 2:
        raise ValueError(
            f"{job.dataset.code} cannot be evaluated cross-subject: it takes at least "
            f"two subjects; here {'is one' if n_subjects == 1 else 'are none'}."
        )
    if job.evaluation == "cross-session" and job.dataset.n_sessions < 2:
        raise ValueError(
            f"{job.dataset.code} cannot be evaluated cross-session: it takes at least "
            f"two sessions of each subject; here is {job.dataset.n_sessions}."
        )
