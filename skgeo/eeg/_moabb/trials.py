"""Trials of a task, as MOABB cuts them, and what is known of them."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from scipy.spatial import cKDTree
from sklearn.base import clone

from skgeo.utils.warn import warn_user

__all__ = ["Trials", "load_trials", "session_name", "tell_rate_and_band"]


@dataclass
class Trials:
    """Trials, and what is known of them."""

    X: np.ndarray
    y: np.ndarray
    metadata: object
    about: dict  # subject -> what goes into its units


def load_trials(job, subjects) -> Trials:
    """Load the trials of some subjects of a job."""
    from moabb.evaluations.utils import _pipeline_requires_epochs

    X, y, metadata = job.paradigm.get_data(
        dataset=job.dataset,
        subjects=list(subjects),
        return_epochs=any(map(_pipeline_requires_epochs, job.pipelines.values())),
    )
    _say_what_is_repeated(job, X, metadata)
    about = {subject: _about(job, X, y, metadata, subject) for subject in subjects}
    return Trials(X, y, metadata, about)


def _say_what_is_repeated(job, X, metadata):
    """Warn of trials that are there twice: one may train and its copy be tested."""
    pairs = repeated_trials(X.get_data(copy=False) if hasattr(X, "ch_names") else X)
    if not len(pairs):
        return
    where = [
        f"subject {row.subject}, session {session_name(job, row.subject, row.session)},"
        f" run {row.run}"
        for row in metadata.itertuples()
    ]
    one, other = pairs[0]
    warn_user(
        f"{job.dataset.code}: {len(np.unique(pairs))} of {len(where)} trials are "
        f"copies of each other, such as trial {one} ({where[one]}) and trial {other} "
        f"({where[other]}). Where one trains and its copy is tested the scores are too "
        "good: leave one of the recordings out."
    )


def repeated_trials(X):
    """Find pairs of trials that are the same signal, up to a factor and rounding.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times) or 4-D
        Trials.

    Returns
    -------
    pairs : ndarray of shape (n_pairs, 2)
        Positions of trials; those without signal are in none.
    """
    flat = np.asarray(X, dtype=float).reshape(len(X), -1)
    norms = np.linalg.norm(flat, axis=1)
    alive = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    # Five random projections of unit vectors: unlike trials do not agree in all.
    rng = np.random.default_rng(0)
    seen = (flat @ rng.standard_normal((flat.shape[1], 5)))[alive] / norms[alive, None]
    pairs = cKDTree(seen).query_pairs(1e-6, output_type="ndarray")
    return alive[pairs[np.lexsort(pairs.T[::-1])]]


def _about(job, X, y, metadata, subject):
    mask = np.asarray(metadata["subject"] == subject)
    if not mask.any():
        raise ValueError(f"{job.dataset.code}: no trial of subject {subject}.")
    sessions = np.asarray(metadata["session"][mask])
    counts = {}
    for session in dict.fromkeys(sessions.tolist()):
        labels, n = np.unique(y[mask][sessions == session], return_counts=True)
        counts[session] = dict(zip(map(str, labels), n.tolist(), strict=True))
    _say_what_is_lost(job, subject, counts)
    rate = _sampling_frequency(job, X)
    n_channels = len(X.ch_names) if hasattr(X, "ch_names") else int(X.shape[1])
    return {
        "trials": {session_name(job, subject, s): c for s, c in counts.items()},
        "n_channels": n_channels,
        "channels": _channel_names(job, n_channels),
        "sfreq": rate,
    }


def _say_what_is_lost(job, subject, counts):
    """Warn of marks in the user's recordings that gave no trial."""
    if not hasattr(job.dataset, "count_marks"):
        return
    used = set(job.paradigm.used_events(job.dataset))
    for session, found in counts.items():
        marks = job.dataset.count_marks(subject, session)
        n_marks = sum(n for label, n in marks.items() if label in used)
        lost = n_marks - sum(found.values())
        if lost > 0:
            warn_user(
                f"{job.dataset.code}: {lost} of {n_marks} marks of subject "
                f"{subject}, session {session_name(job, subject, session)}, gave "
                "no trial: it overlaps a segment marked BAD or a boundary, or leaves "
                "the recording."
            )


def session_name(job, subject, session) -> str:
    """Return the name of a session as it was given."""
    return job.session_names.get(subject, {}).get(session, str(session))


def _sampling_frequency(job, X):
    """Sampling frequency of the trials: stated, or from their length."""
    if getattr(job.paradigm, "resample", None) is not None:
        return float(job.paradigm.resample)
    if hasattr(job.dataset, "sfreq"):
        return float(job.dataset.sfreq)
    n_times = len(X.times) if hasattr(X, "times") else X.shape[-1]
    start, stop = job.interval()
    computed = (n_times - 1) / (stop - start)
    acquisition = getattr(getattr(job.dataset, "metadata", None), "acquisition", None)
    stated = getattr(acquisition, "sampling_rate", None)
    if stated and abs(stated - computed) < 0.01 * computed:
        return float(stated)
    return computed


def _channel_names(job, n_channels):
    names = getattr(job.paradigm, "channels", None)
    if names is None and hasattr(job.dataset, "ch_names"):
        names = job.dataset.ch_names
    if names is None:
        acquisition = getattr(
            getattr(job.dataset, "metadata", None), "acquisition", None
        )
        names = getattr(acquisition, "sensors", None) or []
    return list(names) if len(names) == n_channels else []


def tell_rate_and_band(pipeline, sfreq, band):
    """Hand sampling frequency and filter to steps that ask for them.

    MOABB hands estimators arrays without a rate. A step with a parameter ``sfreq`` or
    ``band`` that is None gets those of the trials; one that was set keeps its own.

    Parameters
    ----------
    pipeline : estimator
        A pipeline; left as it is.
    sfreq : float
        Sampling frequency of the trials in Hz.
    band : tuple or None
        Edges of their filter in Hz.

    Returns
    -------
    pipeline : estimator
        A clone with the parameters set, or the pipeline where none asks.
    """
    known = {"sfreq": sfreq, "band": band}
    parameters = pipeline.get_params(deep=True)
    values = {}
    for name, value in parameters.items():
        prefix, _, last = name.rpartition("__")
        owner = parameters[prefix] if prefix else pipeline
        if (
            value is None
            and known.get(last) is not None
            and not _idle(owner, last, known)
        ):
            values[name] = known[last]
    return clone(pipeline).set_params(**values) if values else pipeline


def _idle(estimator, name, known):
    """Whether an estimator says that a parameter would have no effect."""
    now = estimator.get_params(deep=False)
    told = {key: known[key] for key in known if key in now and now[key] is None}
    now = SimpleNamespace(**(now | told))
    return any(
        name in ((rule.names,) if isinstance(rule.names, str) else rule.names)
        and rule.when(now)
        for rule in getattr(estimator, "_unused_params", ())
    )
