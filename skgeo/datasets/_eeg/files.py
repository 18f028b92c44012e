"""Recordings in files as MOABB data sets."""

import os
import pathlib
import re

from skgeo.datasets._eeg.formats import (
    ARRAY_SUFFIXES,
    RAW_SUFFIXES,
    companions,
    is_epochs,
    read_arrays,
    read_recording_file,
    suffix_of,
)
from skgeo.datasets._eeg.recordings import Recordings, from_arrays, natural_key
from skgeo.datasets._eeg.recordings_mne import (
    Marks,
    check_interval,
    from_epochs,
    from_raws,
)
from skgeo.utils.optional import import_optional
from skgeo.utils.warn import warn_user

mne = import_optional("mne", extra="eeg")

__all__ = ["from_files"]


def _name_of(path):
    return re.sub("[^A-Za-z0-9]", "", path.name.split(".")[0]) or "files"


def _entity(path, key, default):
    """Find a BIDS entity, e.g. ``sub-anna``, in the name of a file."""
    found = re.search(rf"(?:^|_){key}-([A-Za-z0-9]+)", path.name)
    return found.group(1) if found else default


def from_files(
    path: str | os.PathLike,
    *,
    interval: tuple[float, float] | None = None,
    events: dict[str, Marks] | None = None,
    paradigm: str | None = None,
    resample: float | None = None,
) -> Recordings:
    """Make a MOABB data set of recordings in files.

    Parameters
    ----------
    path : path-like
        * an ``.npz`` or ``.mat`` file of trials, as written by :func:`numpy.savez` or
          MATLAB's ``save``: ``X`` (n_trials, n_channels, n_times), ``y``, ``sfreq``
          and, if wanted, ``ch_names``, ``positions``, ``subject``, ``session``,
          ``run``, ``unit`` and ``paradigm``, which mean what they mean in
          :func:`from_arrays`;
        * MNE epochs, ``*-epo.fif`` or ``*_epo.fif``, or an epoched EEGLAB ``.set``;
        * a continuous recording that :func:`mne.io.read_raw` reads (``.fif``,
          ``.fif.gz``, ``.edf``, ``.bdf``, ``.gdf``, ``.vhdr``, ``.set``, ...; upper
          case is the same), or ``.xdf`` (extra ``xdf``);
        * a folder of files of one of the latter two kinds. ``sub-``, ``ses-`` and
          ``run-`` in their names (``sub-anna_ses-2_run-1_raw.fif``) say whose and
          when, in natural order; a file without ``sub-`` is a subject of its own. A
          recording that is split over several FIF files is read once. A warning lists
          what is not read;
        * the root of a BIDS data set, read through mne-bids.
    interval : (float, float), optional
        First and last time of a trial in seconds after its event; required for
        continuous recordings, refused for others.
    events : dict, optional
        Class name -> mark or marks, for continuous recordings, as in
        :func:`from_raws`.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, optional
        What MOABB calls the kind of experiment; by default what the file says, or
        imagery.
    resample : float, optional
        Sampling frequency in Hz to bring continuous recordings to.

    Returns
    -------
    dataset : Recordings
        The data set.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the files are not of one of these kinds, are damaged, or an option has no
        meaning for them.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> from skgeo.datasets import from_files
    >>> X = np.random.RandomState(0).randn(8, 3, 256)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "mine.npz"
    ...     np.savez(file, X=X, y=["left_hand", "right_hand"] * 4, sfreq=128.0)
    ...     dataset = from_files(file)
    >>> dataset.subject_list
    [1]
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No file or folder {path}.")
    if interval is not None:
        interval = check_interval("from_files", interval)
    options = {"interval": interval, "events": events, "resample": resample}
    if suffix_of(path) in ARRAY_SUFFIXES:
        _refuse(path, "trials that are cut already", options)
        held = read_arrays(path)
        if paradigm is not None:
            held["paradigm"] = paradigm
        X, y = held.pop("X"), held.pop("y")
        try:
            return from_arrays(X, y, name=_name_of(path), **held)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error
    if path.is_dir() and suffix_of(path) != ".mff":
        nested = _read_bids(path) if _is_bids(path) else _read_folder(path)
    elif suffix_of(path) in RAW_SUFFIXES:
        session = {_entity(path, "ses", "0"): {"0": read_recording_file(path)}}
        nested = {_entity(path, "sub", 1): session}
    else:
        raise ValueError(_expected(path))
    kinds = {isinstance(r, mne.BaseEpochs) for r in _recordings(nested)}
    if len(kinds) > 1:
        raise ValueError(f"{path} holds both epochs and continuous recordings.")
    kind = paradigm or "imagery"
    if kinds == {True}:
        _refuse(path, "epochs", options)
        return from_epochs(nested, paradigm=kind, name=_name_of(path))
    if interval is None:
        raise ValueError(
            f"{path} holds continuous recordings: say from when to when a trial lasts "
            "after its event, interval=(start, stop) in seconds (--interval)."
        )
    return from_raws(nested, paradigm=kind, name=_name_of(path), **options)


def is_continuous(path: str | os.PathLike) -> bool:
    """Return whether a path seems, by its name, to be one of continuous recordings."""
    path = pathlib.Path(path)
    if suffix_of(path) in ARRAY_SUFFIXES:
        return False
    if path.is_dir() and suffix_of(path) != ".mff":
        inside = [p for p in path.iterdir() if suffix_of(p) in RAW_SUFFIXES]
        return not inside or not all(map(is_epochs, inside))
    return not is_epochs(path)


def _refuse(path, what, options):
    """Refuse options that have no meaning for trials that are cut already."""
    words = {
        "interval": "interval= (--interval)",
        "events": "events= (--event)",
        "resample": "resample=",
    }
    given = [words[key] for key, value in options.items() if value is not None]
    if given:
        raise ValueError(
            f"{path} holds {what}: {' and '.join(given)} would have no effect. Leave "
            f"{'it' if len(given) == 1 else 'them'} out."
        )


def _expected(path):
    return (
        f"{path}: expected a file of trials ({', '.join(ARRAY_SUFFIXES)}), recordings "
        f"with one of the suffixes {', '.join(RAW_SUFFIXES)}, or a folder of them."
    )


def _recordings(nested):
    return [
        recording
        for sessions in nested.values()
        for runs in sessions.values()
        for recording in runs.values()
    ]


def _read_folder(folder):
    """Read the recordings in a folder as {subject: {session: {run: recording}}}."""
    entries = sorted(
        (p for p in folder.iterdir() if not p.name.startswith(".")),
        key=lambda p: natural_key(p.name),
    )
    files = [p for p in entries if suffix_of(p) in RAW_SUFFIXES]
    _refuse_twins(files)
    files = [p for p in files if not _continues(p, files)]
    recordings = {p: read_recording_file(p) for p in files}
    parts = {
        pathlib.Path(name).resolve()
        for recording in recordings.values()
        if isinstance(recording, mne.io.BaseRaw)
        for name in recording.filenames[1:]
        if name is not None
    }
    files = [p for p in files if p.resolve() not in parts]
    if not files:
        hint = ""
        if any(p.is_dir() and p.name.startswith("sub-") for p in entries):
            hint = " The root of a BIDS data set has a dataset_description.json."
        raise ValueError(_expected(folder) + hint)
    belonging = set().union(*(companions(p) for p in recordings))
    unread = [
        p.name + ("/" if p.is_dir() else "")
        for p in entries
        if p not in recordings
        and p.name.lower() not in belonging
        and suffix_of(p) not in RAW_SUFFIXES
    ]
    if unread:
        shown = ", ".join(unread[:20])
        more = f" and {len(unread) - 20} more" if len(unread) > 20 else ""
        warn_user(f"{folder}: not read, as they are no recordings: {shown}{more}.")
    nested = {}
    several = len(files) > 1
    for file in files:
        subject = _entity(file, "sub", _name_of(file) if several else 1)
        session = _entity(file, "ses", "0")
        runs = nested.setdefault(subject, {}).setdefault(session, {})
        run = _entity(file, "run", str(len(runs)))
        if run in runs:  # another task, say: all of the name tells them apart
            run = _name_of(file)
        runs[run] = recordings[file]
    return nested


def _refuse_twins(files):
    """Refuse a file that is there under two names: its trials would count twice."""
    first = {}
    for path in files:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{path} is a link that leads nowhere.") from error
        other = first.setdefault(target, path)
        if other is not path:
            raise ValueError(
                f"{path} and {other.name} are the same file: its trials would be "
                "counted twice. Remove one."
            )


def _continues(path, files):
    """Whether a FIF file is a later part of a recording that starts in another."""
    if suffix_of(path) not in (".fif", ".fif.gz"):
        return False
    names = {p.name for p in files}
    first = _first_part(path.name)
    if first is None or first in names:
        return first is not None
    if PART_OF_RAW.search(path.name) or "_split-" in path.name:
        raise ValueError(
            f"{path} is a part of a recording that starts in {first}, which is not "
            "there."
        )
    return False  # a name that happens to end in a number


# How MNE and Neuromag call the second and later parts of what MNE's names allow.
PART_OF_RAW = re.compile(r"(raw|eeg|ieeg|meg|sss|epo)-[0-9]+\.fif(\.gz)?$", re.I)


def _first_part(name):
    """Name of the file a split recording starts in, for its later parts."""
    later = re.fullmatch(r"(.*)-[0-9]+(\.fif(\.gz)?)", name, re.IGNORECASE)
    if later:
        return later.group(1) + later.group(2)
    split = re.fullmatch(r"(.*_split-)([0-9]+)(_.*)", name)
    if split and int(split.group(2)) > 1:
        return split.group(1) + "1".zfill(len(split.group(2))) + split.group(3)
    return None


def _is_bids(folder):
    return (folder / "dataset_description.json").is_file()


def _read_bids(root):
    """Read the EEG recordings of a BIDS data set."""
    mne_bids = import_optional("mne_bids", extra="eeg")
    paths = mne_bids.find_matching_paths(
        root, datatypes="eeg", suffixes="eeg", ignore_json=True
    )
    wanted = {".edf", ".bdf", ".vhdr", ".set", ".fif"}
    paths = [
        p for p in paths if str(p.extension).lower() in wanted and not _is_derived(p)
    ]
    if not paths:
        raise ValueError(f"{root} is a BIDS data set without EEG recordings.")
    tasks = sorted({str(p.task) for p in paths})
    nested = {}
    for path in sorted(paths, key=lambda p: natural_key(p.fpath)):
        if path.split not in (None, "01", "1"):
            continue  # read with its first part
        try:
            raw = mne_bids.read_raw_bids(path, verbose="error")
        except (OSError, ModuleNotFoundError):
            raise
        except Exception as error:  # whatever the files lead to
            words = " ".join(str(error).split())
            raise ValueError(f"{path.fpath}: cannot be read: {words}") from error
        runs = nested.setdefault(path.subject, {}).setdefault(path.session or "0", {})
        words = [path.task if len(tasks) > 1 else None, path.acquisition, path.run]
        runs["".join(filter(None, words)) or str(len(runs))] = raw
    return nested


def _is_derived(path):
    return "derivatives" in pathlib.Path(path.fpath).parts[-6:]
