"""What was evaluated, on whom and how: small records that the page is made of."""

from dataclasses import dataclass, field

from skgeo._version import __version__

__all__ = ["EvaluationResult", "Study", "TaskRecord", "releases"]

# Packages whose releases decide a result: another release, another result.
DECIDING = ("skgeo", "moabb", "mne", "pyriemann", "scikit-learn")


def releases(names=DECIDING) -> dict[str, str]:
    """Return the releases of packages.

    Parameters
    ----------
    names : sequence of str, optional
        Packages; by default those whose release decides a result.

    Returns
    -------
    found : dict of str to str
        Package -> release, for those that are installed.
    """
    from importlib import metadata

    found = {"skgeo": __version__}
    for name in names:
        if name != "skgeo":
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return found


@dataclass(frozen=True)
class TaskRecord:
    """One table of a study: a data set, what is told apart, and the folds.

    Attributes
    ----------
    task : str
        Its name, as in the column ``task``.
    dataset, doi, license : str
        Code of the data set, and what is known of its source ("" where unknown).
    paradigm, evaluation, folds, metric : str
        Name of MOABB's paradigm; name of the evaluation; folds in words; score.
    classes : tuple of str
        What is told apart.
    trials : dict
        ``{subject: {session: {class: number of trials}}}``.
    channels : tuple of str
        Names of the channels; empty where only their number is known.
    n_channels : int
        Number of channels.
    sfreq : float or None
        Sampling frequency of the trials in Hz.
    band : tuple or None
        Edges of the filter in Hz.
    interval : (float, float)
        First and last time of a trial in seconds after its event.
    random_state : int
        Seed of the folds.
    """

    task: str
    dataset: str
    doi: str
    license: str
    paradigm: str
    evaluation: str
    folds: str
    metric: str
    classes: tuple[str, ...]
    trials: dict
    channels: tuple[str, ...]
    n_channels: int
    sfreq: float | None
    band: tuple | None
    interval: tuple[float, float]
    random_state: int

    @property
    def n_subjects(self) -> int:
        """Number of people."""
        return len(self.trials)

    @property
    def n_sessions(self) -> int:
        """Number of sessions of all people."""
        return sum(map(len, self.trials.values()))

    def trials_per_class(self) -> dict[str, int]:
        """Count the trials of each class over people and sessions.

        Returns
        -------
        counts : dict of str to int
            Class -> number of trials.
        """
        total = dict.fromkeys(self.classes, 0)
        for sessions in self.trials.values():
            for counts in sessions.values():
                for label, n in counts.items():
                    total[label] = total.get(label, 0) + n
        return total


@dataclass(frozen=True)
class Study:
    """What one call of :func:`skgeo.eeg.evaluate` did.

    Attributes
    ----------
    tasks : tuple of TaskRecord
        The tables.
    arguments : dict of str to object
        The arguments that differ from their defaults.
    pipelines : dict of str to str
        Name -> representation of the pipeline.
    wall_time, cpu_time : float
        Seconds this call took; CPU seconds of all fits and scores behind the tables,
        whenever they were computed.
    n_computed, n_found : int
        Numbers of (subject, pipeline) computed by this call, and found computed.
    """

    tasks: tuple[TaskRecord, ...] = ()
    arguments: dict = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    wall_time: float = 0.0
    cpu_time: float = 0.0
    n_computed: int = 0
    n_found: int = 0


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of an evaluation, and what was evaluated.

    Attributes
    ----------
    scores : pandas.DataFrame
        One row per task, subject, session and pipeline.
    folds : pandas.DataFrame
        The scores of single folds.
    study : Study or None
        What was evaluated; tables written by hand have none.
    """

    scores: object
    folds: object
    study: Study | None = None
