"""One's own recordings as MOABB data sets: MNE's Raw and Epochs objects."""

import hashlib

import numpy as np

from skgeo.datasets._eeg.recordings import Recordings, from_arrays, session_key
from skgeo.utils.optional import import_optional

mne = import_optional("mne", extra="eeg")

__all__ = ["from_epochs", "from_raws"]


def _nested(recordings, kind, name):
    """Bring one recording, a list or a dict to {subject: {session: [recording]}}."""
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
    for who, sessions in recordings.items():
        if not isinstance(sessions, dict):
            sessions = {"0": sessions}
        out[who] = {}
        for when, items in sessions.items():
            items = [items] if isinstance(items, kind) else list(items)
            bad = [type(item).__name__ for item in items if not isinstance(item, kind)]
            if bad or not items:
                raise ValueError(
                    f"{name}: subject {who!r}, session {when!r} must hold at least one "
                    f"{kind.__name__}; got {bad or 'nothing'}."
                )
            out[who][when] = items
    return out


def from_raws(
    raws, *, interval, events=None, paradigm="imagery", name="raws", resample=None
):
    """Make a MOABB data set of continuous MNE recordings.

    Parameters
    ----------
    raws : mne.io.BaseRaw, list of it or dict
        One recording; several runs of one session of one subject; or
        ``{subject: {session: [run, ...]}}``, or ``{subject: [run, ...]}``.
        Trials are marked by annotations, or, if ``events`` holds codes, by a stim
        channel.
    interval : (float, float)
        First and last time of a trial in seconds after its event.
    events : dict, optional
        Class name -> description of its annotations (str), or code in the stim channel
        (int). By default each description that does not start with BAD or EDGE is a
        class.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, default="imagery"
        What MOABB calls the kind of experiment.
    name : str, default="raws"
        Name of the data set, letters and digits; it becomes part of its code.
    resample : float, optional
        Samples a second to bring all recordings to. Required if their rates differ.

    Returns
    -------
    dataset : Recordings
        The data set.

    Raises
    ------
    ValueError
        If the recordings differ in channels or rate, or hold no event asked for.

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
    start, stop = map(float, interval)
    if not stop > start:
        raise ValueError(
            f"interval must be (start, stop), start < stop; got {interval}."
        )
    nested = _nested(raws, mne.io.BaseRaw, "raws")
    everything = [
        raw
        for sessions in nested.values()
        for runs in sessions.values()
        for raw in runs
    ]
    picks = {tuple(_eeg_names(raw)) for raw in everything}
    if len(picks) > 1:
        raise ValueError(
            f"All recordings must have the same EEG channels in the same order; found "
            f"{len(picks)} lists, of {sorted(map(len, picks))} channels. Use "
            "mne.channels.equalize_channels."
        )
    rates = {raw.info["sfreq"] for raw in everything}
    if len(rates) > 1 and resample is None:
        raise ValueError(f"Recordings have rates {sorted(rates)} Hz: give resample=.")
    if events is None:
        found = {d for raw in everything for d in raw.annotations.description}
        events = {str(d): str(d) for d in sorted(found) if not _is_bad(d)}
    if len(set(events.values())) < len(events) or len(events) < 2:
        raise ValueError(
            "events must map at least two classes to distinct annotations or codes; "
            f"got {events}. With events=None the annotations are the classes."
        )
    names = list(events)
    codes = {label: code + 1 for code, label in enumerate(names)}

    digest = hashlib.sha256(repr((start, stop, events, resample)).encode())
    out, counts = {}, dict.fromkeys(names, 0)
    for who, sessions in nested.items():
        out[who] = {}
        for i, (when, runs) in enumerate(sessions.items()):
            kept = {}
            for j, raw in enumerate(runs):
                raw = _marked(raw, events, counts)
                _update_digest(digest, raw)
                if resample is not None and raw.info["sfreq"] != resample:
                    raw = raw.load_data().resample(resample, verbose="error")
                kept[str(j)] = raw
            out[who][session_key(i, when)] = kept
    empty = [label for label, count in counts.items() if count == 0]
    if empty:
        raise ValueError(
            f"No trial of {', '.join(map(repr, empty))} in any recording: check events="
            f"{events}."
        )
    return Recordings(out, codes, (start, stop), paradigm, name, digest.hexdigest())


def _is_bad(description):
    return description.upper().startswith(("BAD", "EDGE"))


def _eeg_names(raw):
    picks = mne.pick_types(raw.info, eeg=True, exclude=())
    if len(picks) == 0:
        raise ValueError(
            f"A recording has no EEG channel: its types are "
            f"{sorted(set(raw.get_channel_types()))}. Use raw.set_channel_types."
        )
    return [raw.ch_names[i] for i in picks]


def _marked(raw, events, counts):
    """Copy a recording, its events turned into annotations named by class."""
    if all(isinstance(value, (int, np.integer)) for value in events.values()):
        label_of = {int(code): label for label, code in events.items()}
        rows = mne.find_events(raw, shortest_event=1, verbose="error")
        rows = rows[np.isin(rows[:, 2], list(label_of))]
    else:
        label_of = {code + 1: label for code, label in enumerate(events)}
        codes = {str(events[label]): code for code, label in label_of.items()}
        if set(codes) & set(raw.annotations.description):
            rows, _ = mne.events_from_annotations(raw, codes, verbose="error")
        else:
            rows = np.empty((0, 3), dtype=int)  # a run need not hold every class
    for code in rows[:, 2].tolist():
        counts[label_of[code]] += 1

    notes, sfreq = raw.annotations, raw.info["sfreq"]
    bad = [i for i, d in enumerate(notes.description) if _is_bad(d)]
    # Without an orig_time, onsets count from the first sample that is there.
    marks = mne.Annotations(
        (rows[:, 0] - raw.first_samp) / sfreq, 0.0, [label_of[c] for c in rows[:, 2]]
    )
    if bad:
        marks += mne.Annotations(
            notes.onset[bad] - raw.first_time,
            notes.duration[bad],
            notes.description[bad],
        )
    raw = raw.copy().pick(mne.pick_types(raw.info, eeg=True, exclude=()))
    if raw.info["meas_date"] is None:
        raw.set_meas_date(0)  # MOABB 1.7 miscounts undated recordings cut at the start
    return raw.set_annotations(marks)


def _update_digest(digest, raw):
    notes = raw.annotations
    digest.update(repr((raw.info["sfreq"], raw.ch_names, raw.n_times)).encode())
    digest.update(repr(list(zip(notes.onset, notes.description, strict=True))).encode())
    step = max(1, int(60 * raw.info["sfreq"]))  # a minute at a time
    for first in range(0, raw.n_times, step):
        block = raw[:, first : min(first + step, raw.n_times)][0]
        digest.update(np.ascontiguousarray(block).tobytes())


def from_epochs(epochs, *, paradigm="imagery", name="epochs"):
    """Make a MOABB data set of MNE epochs.

    Parameters
    ----------
    epochs : mne.BaseEpochs, list of it or dict
        As in :func:`from_raws`. The classes are the keys of their ``event_id``; only
        EEG channels are kept.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, default="imagery"
        What MOABB calls the kind of experiment.
    name : str, default="epochs"
        Name of the data set, letters and digits; it becomes part of its code.

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
    parts, rows, kinds = [], [], set()
    for who, sessions in nested.items():
        for when, runs in sessions.items():
            for which, run in enumerate(runs):
                names = _eeg_names(run)
                kinds.add((tuple(names), run.info["sfreq"], len(run.times)))
                parts.append(run.get_data(picks=names, copy=False))
                label = {code: text for text, code in run.event_id.items()}
                rows += [
                    (who, str(when), str(which), label[code])
                    for code in run.events[:, 2].tolist()
                ]
    if len(kinds) > 1:
        shown = [(len(names), rate, times) for names, rate, times in kinds]
        raise ValueError(
            "All epochs must have the same EEG channels, rate and length; found "
            f"(channels, Hz, samples) {sorted(shown)}."
        )
    names, sfreq, _ = kinds.pop()
    subject, session, run, y = zip(*rows, strict=True)
    return from_arrays(
        np.concatenate(parts),
        np.array(y),
        sfreq=sfreq,
        ch_names=names,
        subject=np.array(subject),
        session=np.array(session),
        run=np.array(run),
        unit="V",
        paradigm=paradigm,
        name=name,
    )
