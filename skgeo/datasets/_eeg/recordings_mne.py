"""Your own recordings as MOABB data sets: MNE's Raw and Epochs objects."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from skgeo.datasets._eeg.recordings import (
    SFREQ,
    Recordings,
    from_arrays,
    is_reserved,
    natural_key,
    warn_other_units,
)
from skgeo.utils.optional import import_optional
from skgeo.utils.params import Real, SequenceOf, check_params
from skgeo.utils.warn import warn_user

mne = import_optional("mne", extra="eeg")

__all__ = ["Marks", "from_epochs", "from_raws"]

# What names the trials of a class: one mark, or several.
Marks = str | int | Sequence[str | int]


def _is_name(item):
    """Whether an item can name a subject or a mark."""
    return isinstance(item, (str, int, np.integer)) and not isinstance(item, bool)


def _nested(recordings, kind, name):
    """Bring recordings to {subject: {session: {run: recording}}}."""
    if isinstance(recordings, kind):
        recordings = [recordings]
    if isinstance(recordings, (list, tuple)):
        recordings = {1: {"0": list(recordings)}}
    if not isinstance(recordings, dict) or not recordings:
        raise ValueError(
            f"{name} must be one recording, a list of them (one subject) or a dict "
            f"{{subject: {{session: list}}}}; got {type(recordings).__name__}."
        )
    out = {}
    for subject, sessions in recordings.items():
        if not _is_name(subject):
            raise ValueError(
                f"{name}: subjects must be integers or strings; got {subject!r}."
            )
        if not isinstance(sessions, dict):
            sessions = {"0": sessions}
        out[subject] = {}
        for session, items in sessions.items():
            if not isinstance(items, (dict, list, tuple)):
                items = [items]
            if not isinstance(items, dict):
                items = {str(run): item for run, item in enumerate(items)}
            bad = [type(i).__name__ for i in items.values() if not isinstance(i, kind)]
            if bad or not items:
                raise ValueError(
                    f"{name}: subject {subject!r}, session {session!r} must hold at "
                    f"least one {kind.__name__}; got {bad or 'nothing'}. Epochs go to "
                    "from_epochs, Raw to from_raws, arrays to from_arrays, paths to "
                    "from_files."
                )
            out[subject][session] = items
    return out


def _each(nested):
    """Yield (subject, session, run, recording)."""
    for subject, sessions in nested.items():
        for session, runs in sessions.items():
            for run, recording in runs.items():
                yield subject, session, run, recording


def from_raws(
    raws: Any,
    *,
    interval: tuple[float, float],
    events: Mapping[str, Marks] | None = None,
    paradigm: str = "imagery",
    name: str = "raws",
    resample: float | None = None,
) -> Recordings:
    """Make a MOABB data set of continuous MNE recordings.

    Parameters
    ----------
    raws : mne.io.BaseRaw, list of it or dict
        One recording; several runs of one session of one subject; or
        ``{subject: {session: [run, ...]}}`` (or ``{run name: run}`` for the list), or
        ``{subject: [run, ...]}``. Trials are marked by annotations or by a stim
        channel. Channels that are marked bad in some recording are left out of all, as
        no two recordings may differ in channels; a warning names them.
    interval : (float, float)
        First and last time of a trial in seconds after its event.
    events : dict, optional
        Class name -> its mark, or a list of marks: descriptions of annotations, or
        numbers. A number is looked for among the annotations (``769`` in GDF files)
        and, in a recording that has none of the marks there, in the stim channel. By
        default each description is a class, but for those of software and those that
        start with BAD or EDGE. Trials across a boundary are rejected.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, default="imagery"
        What MOABB calls the kind of experiment.
    name : str, default="raws"
        Name of the data set; its letters and digits become part of its code.
    resample : float, optional
        Sampling frequency in Hz to bring all recordings to. Required if theirs differ.

    Returns
    -------
    dataset : Recordings
        The data set.

    Raises
    ------
    ValueError
        If the recordings differ in channels or rate, or hold no event asked for; the
        message lists the marks that are there.

    Warns
    -----
    UserWarning
        If trials overlap (but for event-related potentials), channels are left out, or
        recordings have other amplitudes than the others.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from skgeo.datasets import from_raws
    >>> info = mne.create_info(["C3", "Cz", "C4"], 128.0, "eeg")
    >>> signal = 1e-6 * np.random.RandomState(0).randn(3, 128 * 60)
    >>> raw = mne.io.RawArray(signal, info, verbose="error")
    >>> cues = mne.Annotations(np.arange(5, 50, 5), 3.0, ["T1", "T2", "T1"] * 3)
    >>> raw = raw.set_annotations(cues)
    >>> classes = {"left_hand": "T1", "right_hand": "T2"}
    >>> dataset = from_raws(raw, interval=(0.0, 3.0), events=classes)
    >>> dataset.event_id
    {'left_hand': 1, 'right_hand': 2}
    """
    start, stop = check_interval("from_raws", interval)
    if resample is not None:
        rule = {"resample": SFREQ}
        resample = check_params("from_raws", rule, {"resample": resample}).resample
    nested = _nested(raws, mne.io.BaseRaw, "raws")
    everything = [raw for *_, raw in _each(nested)]
    channels = _common_channels(nested)
    rates = {float(raw.info["sfreq"]) for raw in everything}
    if len(rates) > 1 and resample is None:
        raise ValueError(
            f"The recordings have different sampling frequencies, {sorted(rates)} Hz: "
            f"give resample={min(rates):g} (--resample {min(rates):g})."
        )
    rate = resample or min(rates)
    if (stop - start) * rate < 1:
        raise ValueError(
            f"interval (--interval) of {stop - start:g} s is shorter than two samples "
            f"at {rate:g} Hz: it has to hold a trial."
        )
    longest = max(raw.n_times / raw.info["sfreq"] for raw in everything)
    if stop - start > longest:
        raise ValueError(
            f"interval (--interval) of {stop - start:g} s is longer than the longest "
            f"recording ({longest:g} s). It is in seconds after each mark."
        )
    given = events is not None
    if not given:
        found = {str(d) for raw in everything for d in raw.annotations.description}
        events = {d: d for d in sorted(found, key=natural_key) if not _is_no_class(d)}
    marks = check_marks(events, everything)
    codes = {label: code + 1 for code, label in enumerate(marks)}

    digest = hashlib.sha256(repr((start, stop, marks, resample)).encode())
    out, counts, amplitudes = {}, dict.fromkeys(marks, 0), {}
    for subject, session, run, raw in _each(nested):
        digest.update(repr((subject, session, run)).encode())
        raw = _marked(raw, marks, counts, channels)
        amplitudes[subject, session, run] = _update_digest(digest, raw)
        if resample is not None and raw.info["sfreq"] != resample:
            raw = raw.load_data().resample(resample, verbose="error")
        out.setdefault(subject, {}).setdefault(session, {})[run] = raw
    warn_other_units(amplitudes)
    if paradigm not in ("p300", "cvep"):  # whose stimuli follow each other quickly
        _warn_overlaps(out, stop - start, codes)
    empty = [label for label, count in counts.items() if count == 0]
    if empty:
        raise ValueError(
            f"No mark of {', '.join(map(repr, empty))} in any recording; events="
            f"{dict(events)}. There are {marks_there(everything)}."
        )
    return Recordings(
        out, codes, (start, stop), paradigm, name, digest.hexdigest(), given
    )


def check_interval(owner, interval):
    """Check the first and last time of a trial."""
    rule = {"interval": SequenceOf(Real(-1e6, 1e6), min_length=2)}
    interval = check_params(owner, rule, {"interval": interval}).interval
    if len(interval) != 2 or not interval[1] > interval[0]:
        raise ValueError(
            f"interval must be (start, stop) in seconds, start < stop; got {interval}."
        )
    return float(interval[0]), float(interval[1])


def check_marks(events, raws):
    """Bring events to {class: (mark, ...)}, marks as str; refuse what is ambiguous."""
    marks, owner = {}, {}
    if not isinstance(events, Mapping):
        raise ValueError(
            "events must be a dict, class name -> mark or list of marks; got "
            f"{type(events).__name__}."
        )
    for label, given in events.items():
        listed = isinstance(given, Iterable) and not isinstance(given, (str, bytes))
        several = list(given) if listed else [given]
        bad = [m for m in several if not _is_name(m)]
        if not isinstance(label, str) or bad or not several:
            raise ValueError(
                f"events must map names of classes to marks, each a str or an int; got "
                f"{label!r}: {given!r}."
            )
        marks[label] = tuple(dict.fromkeys(str(mark) for mark in several))
        for mark in marks[label]:
            if owner.setdefault(mark, label) != label:
                raise ValueError(
                    f"events: the mark {mark!r} stands for two classes, "
                    f"{owner[mark]!r} and {label!r}."
                )
    if len(marks) < 2:
        raise ValueError(
            f"events must name at least two classes; got {dict(events)}. There are "
            f"{marks_there(raws)}: give events={{class: mark, ...}} "
            "(--event CLASS=MARK)."
        )
    return marks


def marks_there(raws):
    """List in words the annotations and stim codes that recordings hold."""
    notes, codes = Counter(), Counter()
    for raw in raws:
        notes.update(map(str, raw.annotations.description))
        codes.update(_stim_events(raw)[:, 2].tolist())
    found = []
    for kind, counter in (("annotations", notes), ("codes in the stim channel", codes)):
        shown = [f"{m!r} ({counter[m]})" for m in sorted(counter, key=natural_key)]
        if len(shown) > 20:
            shown = [*shown[:20], f"and {len(shown) - 20} more"]
        if shown:
            found.append(f"{kind} {', '.join(shown)}")
    return "; ".join(found) or "no annotations and no stim channel with events"


def _stim_events(raw):
    if len(mne.pick_types(raw.info, meg=False, stim=True)) == 0:
        return np.empty((0, 3), dtype=int)
    return mne.find_events(raw, shortest_event=1, verbose="error")


# Starts of annotations that amplifiers and recorders write themselves.
_OF_SOFTWARE = ("COMMENT/", "RECORD ST", "RECORDING ST", "RECORDING END")
_OF_SOFTWARE += ("SYNCSTATUS/", "SYNC STATUS/")


def _is_no_class(description):
    """Whether an annotation comes from software rather than from an experiment."""
    return (
        is_reserved(description)
        or _is_boundary(description)
        or description.upper().startswith(_OF_SOFTWARE)
    )


def _is_boundary(description):
    """Whether the recording was interrupted here (EEGLAB, BrainVision)."""
    return description.lower() == "boundary" or description.startswith("New Segment/")


def _common_channels(nested):
    """Names of the EEG channels that are good in all recordings."""
    names, bads = {}, {}
    for subject, session, run, raw in _each(nested):
        names.setdefault(tuple(_eeg_names(raw)), (subject, session, run))
        for bad in set(raw.info["bads"]) & set(_eeg_names(raw)):
            bads.setdefault(bad, []).append(f"{subject}/{session}/{run}")
    if len(names) > 1:
        (first, at), (other, there) = list(names.items())[:2]
        gap = sorted(set(first) ^ set(other), key=natural_key)
        raise ValueError(
            "All recordings must have the same EEG channels in the same order; those "
            f"of (subject, session, run) {at} and {there} differ"
            f"{' in ' + ', '.join(gap[:20]) if gap else ' in order'}. Use "
            "mne.channels.equalize_channels."
        )
    channels = [name for name in next(iter(names)) if name not in bads]
    if bads:
        shown = ", ".join(f"{name} ({', '.join(w[:3])})" for name, w in bads.items())
        words = (
            f"Channels marked bad in some recording are left out of all: {shown}. To "
            "keep them, interpolate first: raw.interpolate_bads()."
        )
        if not channels:
            raise ValueError(f"No channel is good in all recordings. {words}")
        warn_user(words)
    return channels


def _eeg_names(raw):
    picks = mne.pick_types(raw.info, eeg=True, exclude=())
    if len(picks) == 0:
        raise ValueError(
            f"A recording has no EEG channel: its types are "
            f"{sorted(set(raw.get_channel_types()))}. Use raw.set_channel_types."
        )
    return [raw.ch_names[i] for i in picks]


def _matches(mark, description):
    """Whether a mark names an annotation; numbers as numbers, "1" for "1.0"."""
    if mark == description:
        return True
    try:
        return float(mark) == float(description)
    except ValueError:
        return False


def _events_of(raw, marks):
    """Find (samples, codes) of the marks: annotations, else the stim channel."""
    codes = {}
    for description in map(str, dict.fromkeys(raw.annotations.description)):
        for code, several in enumerate(marks.values(), start=1):
            if any(_matches(mark, description) for mark in several):
                codes[description] = code
    if codes:
        rows, _ = mne.events_from_annotations(raw, codes, regexp=None, verbose="error")
        return rows[:, 0], rows[:, 2]
    number = {
        int(mark): code
        for code, several in enumerate(marks.values(), start=1)
        for mark in several
        if re.fullmatch("[+-]?[0-9]+", mark)
    }
    rows = _stim_events(raw) if number else np.empty((0, 3), dtype=int)
    rows = rows[np.isin(rows[:, 2], list(number))]  # a run need not hold every class
    return rows[:, 0], np.array([number[c] for c in rows[:, 2].tolist()], dtype=int)


def _marked(raw, marks, counts, channels):
    """Copy a recording, its events turned into annotations named by class."""
    samples, codes = _events_of(raw, marks)
    names = list(marks)
    labels = [names[code - 1] for code in codes.tolist()]
    for label in labels:
        counts[label] += 1

    notes, sfreq = raw.annotations, raw.info["sfreq"]
    kept = []  # (onset, duration, description) of what rejects trials
    for onset, duration, description in zip(
        notes.onset, notes.duration, map(str, notes.description), strict=True
    ):
        if is_reserved(description):
            kept.append((onset, duration, description))
        elif _is_boundary(description):
            kept.append((onset, duration, "BAD boundary"))
    # Without an orig_time, onsets count from the first sample that is there.
    onsets = (samples - raw.first_samp) / sfreq
    new = mne.Annotations(onsets, np.zeros(len(onsets)), labels)
    if kept:
        at, lengths, words = zip(*kept, strict=True)
        new += mne.Annotations(np.array(at) - raw.first_time, lengths, words)
    raw = raw.copy().pick(channels)
    if raw.info["meas_date"] is None:
        raw.set_meas_date(0)  # MOABB 1.7 miscounts undated recordings cut at the start
    return raw.set_annotations(new)


def _warn_overlaps(recordings, length, classes):
    """Warn of trials that share samples, of which random folds train on some."""
    overlaps, total, nearest = 0, 0, np.inf
    for *_, raw in _each(recordings):
        notes = raw.annotations
        onsets = np.sort(notes.onset[np.isin(notes.description, list(classes))])
        steps = np.diff(onsets)
        overlaps += int((steps < length - 2.0 / raw.info["sfreq"]).sum())
        total, nearest = total + len(onsets), min(nearest, *steps, np.inf)
    if overlaps:
        warn_user(
            f"{overlaps} of {total} trials overlap the next one: interval is "
            f"{length:g} s long and marks are {nearest:.3g} s apart or more. They "
            "share samples, so random folds test on what was trained on. Shorten "
            "interval, or keep runs together in cv=."
        )


def _origin(raw):
    """The file of a recording, for messages."""
    files = [str(path) for path in getattr(raw, "filenames", ()) if path]
    return files[0] if files else "A recording"


def _update_digest(digest, raw):
    """Read a recording once: into the digest, for NaN, and for its amplitude."""
    spreads = []
    notes = raw.annotations
    digest.update(repr((raw.info["sfreq"], raw.ch_names, raw.n_times)).encode())
    digest.update(repr(list(zip(notes.onset, notes.description, strict=True))).encode())
    step = max(1, int(60 * raw.info["sfreq"]))  # a minute at a time
    for first in range(0, raw.n_times, step):
        try:
            block = raw[:, first : min(first + step, raw.n_times)][0]
        except Exception as error:  # a file cut short, by whatever its reader raises
            raise ValueError(
                f"{_origin(raw)}: its samples from {first / raw.info['sfreq']:g} s on "
                f"cannot be read: {error}. Is the file whole?"
            ) from error
        digest.update(np.ascontiguousarray(block).tobytes())
        bad = ~np.isfinite(block).all(axis=0)
        if bad.any():
            at = (first + int(np.argmax(bad))) / raw.info["sfreq"]
            raise ValueError(
                f"{_origin(raw)} holds NaN or infinity, first at {at:.3f} s. Filters "
                "would spread it over the whole recording: interpolate the gap, or "
                "fill it and mark it as BAD."
            )
        spreads.append(block.std(axis=1))
    return float(np.median(spreads))


def from_epochs(
    epochs: Any, *, paradigm: str = "imagery", name: str = "epochs"
) -> Recordings:
    """Make a MOABB data set of MNE epochs.

    Parameters
    ----------
    epochs : mne.BaseEpochs, list of it or dict
        As in :func:`from_raws`. The classes are the keys of their ``event_id``; only
        EEG channels are kept.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, default="imagery"
        What MOABB calls the kind of experiment.
    name : str, default="epochs"
        Name of the data set; its letters and digits become part of its code.

    Returns
    -------
    dataset : Recordings
        The data set; see the notes of :func:`from_arrays` on filters.

    Raises
    ------
    ValueError
        If the epochs differ in channels, rate or length.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from skgeo.datasets import from_epochs
    >>> info = mne.create_info(["C3", "Cz", "C4"], 128.0, "eeg")
    >>> signal = 1e-6 * np.random.RandomState(0).randn(6, 3, 256)
    >>> cues = np.column_stack([np.arange(6) * 300, np.zeros(6, int), [1, 2] * 3])
    >>> classes = {"left_hand": 1, "right_hand": 2}
    >>> epochs = mne.EpochsArray(signal, info, cues, event_id=classes, verbose="error")
    >>> from_epochs({"anna": epochs}).subject_list
    ['anna']
    """
    nested = _nested(epochs, mne.BaseEpochs, "epochs")
    channels = _common_channels(nested)
    parts, rows, kinds = [], [], set()
    for subject, session, run, recorded in _each(nested):
        start = round(float(recorded.times[0]), 6)
        kinds.add((recorded.info["sfreq"], len(recorded.times), start))
        parts.append(recorded.get_data(picks=channels, copy=False))
        label = {code: text for text, code in recorded.event_id.items()}
        rows += [
            (subject, str(session), str(run), label[code])
            for code in recorded.events[:, 2].tolist()
        ]
    if len(kinds) > 1:
        raise ValueError(
            "All epochs must have the same sampling frequency, length and start; found "
            f"(Hz, samples, first time in seconds) {sorted(kinds)}."
        )
    if not rows:
        raise ValueError("The epochs hold no trial.")
    ((sfreq, _, _),) = kinds
    subject, session, run, y = zip(*rows, strict=True)
    return from_arrays(
        np.concatenate(parts),
        np.array(y),
        sfreq=sfreq,
        ch_names=channels,
        subject=np.array(subject),
        session=np.array(session),
        run=np.array(run),
        unit="V",
        paradigm=paradigm,
        name=name,
    )
