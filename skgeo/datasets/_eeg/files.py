"""Recordings in files as MOABB data sets."""

import pathlib
import re

import numpy as np

from skgeo.datasets._eeg.recordings import from_arrays
from skgeo.datasets._eeg.recordings_mne import from_epochs, from_raws
from skgeo.utils.optional import import_optional

mne = import_optional("mne", extra="eeg")

__all__ = ["from_files"]

# What an .npz file holds: required, then optional.
REQUIRED = ("X", "y", "sfreq")
OPTIONAL = ("ch_names", "positions", "subject", "session", "run", "unit", "paradigm")
EPOCHS = re.compile(r"[-_]epo\.fif(\.gz)?$")
RAW_SUFFIXES = (".fif", ".edf", ".bdf", ".gdf", ".vhdr", ".set", ".cnt", ".mff")


def _name_of(path):
    return re.sub("[^A-Za-z0-9]", "", path.name.split(".")[0]) or "files"


def _entity(path, key, default):
    """Find a BIDS entity, e.g. ``sub-anna``, in the name of a file."""
    found = re.search(rf"(?:^|_){key}-([A-Za-z0-9]+)", path.name)
    return found.group(1) if found else default


def _read_npz(path, paradigm):
    with np.load(path, allow_pickle=False) as stored:
        names = set(stored.files)
        missing = [key for key in REQUIRED if key not in names]
        unknown = sorted(names - set(REQUIRED) - set(OPTIONAL))
        if missing or unknown:
            raise ValueError(
                f"{path}: an .npz file of trials holds {', '.join(REQUIRED)} and "
                f"perhaps {', '.join(OPTIONAL)}; missing: {missing or 'none'}, "
                f"not known: {unknown or 'none'}."
            )
        try:
            held = {key: stored[key] for key in stored.files}
        except ValueError as error:
            raise ValueError(
                f"{path} holds Python objects, which are not read because they could "
                "run code. Save strings as str arrays: np.array(names, dtype=str)."
            ) from error
    X, y = held.pop("X"), held.pop("y")
    options = {key: v.item() if v.ndim == 0 else v for key, v in held.items()}
    options["sfreq"] = float(options["sfreq"])
    if paradigm is not None:
        options["paradigm"] = paradigm
    return from_arrays(X, y, name=_name_of(path), **options)


def from_files(path, *, interval=None, events=None, paradigm=None, resample=None):
    """Make a MOABB data set of recordings in files.

    Parameters
    ----------
    path : path-like
        * an ``.npz`` file of trials, as written by :func:`numpy.savez`: ``X``
          (n_trials, n_channels, n_times), ``y``, ``sfreq`` and, if wanted,
          ``ch_names``, ``positions``, ``subject``, ``session``, ``run``, ``unit`` and
          ``paradigm``, which mean what they mean in :func:`from_arrays`;
        * an MNE epochs file, ``*-epo.fif`` or ``*_epo.fif``;
        * a continuous recording that :func:`mne.io.read_raw` reads (``.fif``,
          ``.edf``, ``.bdf``, ``.gdf``, ``.vhdr``, ``.set``, ...);
        * a folder of files of one of the latter two kinds. ``sub-`` and ``ses-`` in
          their names (``sub-anna_ses-2_run-1_raw.fif``) say whose and when; a file
          without ``sub-`` is a subject of its own.
    interval : (float, float), optional
        First and last time of a trial in seconds after its event; required for
        continuous recordings, meaningless for others.
    events : dict, optional
        Class name -> annotation or code, for continuous recordings, as in
        :func:`from_raws`.
    paradigm : {"imagery", "p300", "ssvep", "cvep"}, optional
        What MOABB calls the kind of experiment; by default what the file says, or
        imagery.
    resample : float, optional
        Samples a second to bring continuous recordings to.

    Returns
    -------
    dataset : Recordings
        The data set.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the files are not of one of these kinds.

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
    kind = paradigm or "imagery"
    if path.suffix == ".npz":
        return _read_npz(path, paradigm)
    if path.is_dir() and path.suffix != ".mff":
        files = sorted(p for p in path.iterdir() if p.suffix in RAW_SUFFIXES)
    else:
        files = [path]
    if not files or any(p.suffix not in (*RAW_SUFFIXES, ".gz") for p in files):
        raise ValueError(
            f"{path}: expected an .npz file of trials, or recordings with one of the "
            f"suffixes {', '.join(RAW_SUFFIXES)}."
        )
    are_epochs = {bool(EPOCHS.search(p.name)) for p in files}
    if len(are_epochs) > 1:
        raise ValueError(f"{path} holds both epochs and continuous recordings.")
    nested = {}
    for file in files:
        subject = _entity(file, "sub", _name_of(file) if len(files) > 1 else 1)
        session = _entity(file, "ses", "0")
        if are_epochs == {True}:
            recording = mne.read_epochs(file, verbose="error")
        else:
            recording = mne.io.read_raw(file, verbose="error")
        nested.setdefault(subject, {}).setdefault(session, []).append(recording)
    if are_epochs == {True}:
        return from_epochs(nested, paradigm=kind, name=_name_of(path))
    if interval is None:
        raise ValueError(
            f"{path} holds continuous recordings: say from when to when a trial lasts "
            "after its event, interval=(start, stop) in seconds (--interval)."
        )
    return from_raws(
        nested,
        interval=interval,
        events=events,
        paradigm=kind,
        name=_name_of(path),
        resample=resample,
    )
