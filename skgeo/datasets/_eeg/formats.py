"""Readers of single files: archives of arrays, and recordings through MNE."""

import math
import pathlib
import re
import zipfile
import zlib

import numpy as np

from skgeo.utils.optional import import_optional

__all__ = [
    "ARRAY_SUFFIXES",
    "RAW_SUFFIXES",
    "companions",
    "is_epochs",
    "read_arrays",
    "read_recording_file",
    "suffix_of",
]

# What an .npz or .mat file holds: required, then optional.
REQUIRED = ("X", "y", "sfreq")
OPTIONAL = ("ch_names", "positions", "subject", "session", "run", "unit", "paradigm")
ARRAY_SUFFIXES = (".npz", ".mat")
RAW_SUFFIXES = (
    ".fif",
    ".fif.gz",
    ".edf",
    ".bdf",
    ".gdf",
    ".vhdr",
    ".set",
    ".cnt",
    ".mff",
    ".xdf",
)
EPOCHS = re.compile(r"[-_]epo(-[0-9]+)?\.fif(\.gz)?$", re.IGNORECASE)
# Files that belong to a recording and are read with it.
COMPANIONS = {".vhdr": (".vmrk", ".eeg", ".dat"), ".set": (".fdt",)}
# An archive that unpacks to more than this, and to more than a hundred times its size,
# was made to fill the memory.
BOMB_BYTES, BOMB_RATIO = 2**28, 100


def suffix_of(path: pathlib.Path) -> str:
    """Return the suffix in lower case; that of ``x.fif.gz`` is ``.fif.gz``."""
    name = path.name.lower()
    return ".fif.gz" if name.endswith(".fif.gz") else path.suffix.lower()


def is_epochs(path: pathlib.Path) -> bool:
    """Return whether the name is that of MNE epochs."""
    return bool(EPOCHS.search(path.name))


def companions(path: pathlib.Path) -> set[str]:
    """Return names, in lower case, of files that belong to a recording."""
    stem = path.name[: len(path.name) - len(path.suffix)].lower()
    return {stem + suffix for suffix in COMPANIONS.get(suffix_of(path), ())}


def read_arrays(path: pathlib.Path) -> dict:
    """Read an ``.npz`` or ``.mat`` file of trials.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    held : dict
        What it holds, by the names of the arguments of ``from_arrays``.

    Raises
    ------
    ValueError
        If it is damaged, holds Python objects, or lacks something.
    """
    held = _read_npz(path) if suffix_of(path) == ".npz" else _read_mat(path)
    missing = [key for key in REQUIRED if key not in held]
    unknown = sorted(set(held) - set(REQUIRED) - set(OPTIONAL))
    if missing or unknown:
        raise ValueError(
            f"{path}: a file of trials holds {', '.join(REQUIRED)} and perhaps "
            f"{', '.join(OPTIONAL)}; missing: {missing or 'none'}, not known: "
            f"{unknown or 'none'}."
        )
    for key in ("sfreq", "unit", "paradigm"):
        if key in held:
            value = np.asarray(held[key])
            if value.size != 1:
                raise ValueError(
                    f"{path}: {key} must be one value; got an array of shape "
                    f"{value.shape}."
                )
            held[key] = value.reshape(-1)[0].item()
    for key in ("subject", "session", "run"):
        if key in held and np.size(held[key]) == 1:
            held[key] = np.asarray(held[key]).reshape(-1)[0].item()
    if "ch_names" in held:
        held["ch_names"] = [str(n).strip() for n in np.ravel(held["ch_names"])]
    try:
        held["sfreq"] = float(held["sfreq"])
    except (TypeError, ValueError):
        raise ValueError(
            f"{path}: sfreq must be a number of Hz; got {held['sfreq']!r}."
        ) from None
    _check_orientation(path, np.shape(held["X"]), np.size(held["y"]))
    return held


def _check_orientation(path, shape, n_labels):
    """Say so where trials are the last axis, as is usual in MATLAB."""
    if len(shape) == 3 and shape[0] != n_labels == shape[2]:
        raise ValueError(
            f"{path}: X has shape {shape} and y {n_labels} labels: the trials must be "
            "the first axis, X of shape (trials, channels, times). In MATLAB: "
            "X = permute(X, [3 1 2])."
        )


def _read_npz(path):
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        packed = max(path.stat().st_size, 1)
        if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * packed:
            raise ValueError(
                f"{path} is {packed} bytes that unpack to {unpacked}: not read, in "
                "case it was made to fill the memory. If it is yours, write it with "
                "np.savez, uncompressed."
            )
        with np.load(path, allow_pickle=False) as stored:
            return {key: _member(path, stored, key) for key in stored.files}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        KeyError,
        MemoryError,
    ) as error:
        words = str(error) or type(error).__name__
        raise ValueError(
            f"{path} is damaged or not an .npz archive: {words}. Write it again with "
            "np.savez."
        ) from error


def _member(path, stored, key):
    try:
        return np.asarray(stored[key])
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise ValueError(f"{path} is damaged: {key}: {error}.") from error
        raise ValueError(
            f"{path}: {key} holds Python objects, which are not read because they "
            "could run code. Save strings as str arrays: np.array(names, dtype=str)."
        ) from error
    except (SyntaxError, TypeError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {key}: {error}.") from error


def _read_mat(path):
    import scipy.io

    try:
        held = scipy.io.loadmat(path, squeeze_me=False, chars_as_strings=True)
    except NotImplementedError:  # version 7.3, which is HDF5
        reader = import_optional("pymatreader", extra="eeg")
        held = reader.read_mat(str(path))
    except OSError:
        raise
    except Exception as error:  # scipy raises whatever the bytes lead it to
        raise ValueError(f"{path} is damaged or no .mat file: {error}.") from error
    return {
        key: _cells(value) for key, value in held.items() if not key.startswith("__")
    }


def _cells(value):
    """Unpack a cell array of strings or numbers."""
    value = np.asarray(value)
    if value.dtype != object:
        return value
    items = [
        np.asarray(v).reshape(-1)[0] if np.size(v) == 1 else v for v in value.ravel()
    ]
    return np.array([v.item() if isinstance(v, np.generic) else v for v in items], "O")


def read_recording_file(path: pathlib.Path):
    """Read a recording: what MNE makes of it, or one line on why it cannot be read.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    recording : mne.io.BaseRaw or mne.BaseEpochs
        The recording.

    Raises
    ------
    ValueError
        If MNE cannot read it.
    """
    import mne

    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(f"{path} is empty.")
    if suffix_of(path) == ".fif.gz" and path.suffix != ".gz":
        raise ValueError(
            f"{path}: MNE unpacks .gz in lower case only. Rename it to end in .fif.gz."
        )
    try:
        if suffix_of(path) == ".xdf":
            return _read_xdf(path)
        if is_epochs(path):
            return mne.read_epochs(path, verbose="error")
        return _read_raw(path)
    except (ModuleNotFoundError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # readers raise whatever the bytes lead them to
        words = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: MNE cannot read it: {words}") from error


def _read_raw(path):
    import mne

    name = path.name
    suffix = suffix_of(path)
    if suffix in (".fif", ".fif.gz"):
        return mne.io.read_raw_fif(path, verbose="error")
    if suffix == ".set":
        try:
            return mne.io.read_raw_eeglab(path, verbose="error")
        except TypeError as error:
            if "epochs" not in str(error) and "trials" not in str(error):
                raise
            return mne.io.read_epochs_eeglab(path, verbose="error")
    if name == name.lower() or suffix == ".mff":
        return mne.io.read_raw(path, verbose="error")
    readers = {  # read_raw goes by the suffix, in lower case only
        ".edf": mne.io.read_raw_edf,
        ".bdf": mne.io.read_raw_bdf,
        ".gdf": mne.io.read_raw_gdf,
        ".vhdr": mne.io.read_raw_brainvision,
        ".cnt": mne.io.read_raw_cnt,
    }
    return readers[suffix](path, verbose="error")


def _read_xdf(path):
    """Read the EEG stream with most channels, and all markers, of an XDF file."""
    import mne

    pyxdf = import_optional("pyxdf", extra="xdf")
    streams, _ = pyxdf.load_xdf(str(path))
    eeg, markers = [], []
    for stream in streams:
        kind = stream["info"]["type"][0]
        if str(stream["info"]["channel_format"][0]) == "string":
            markers.append(stream)
        elif str(kind).upper() == "EEG":
            eeg.append(stream)
    if not eeg:
        raise ValueError("it holds no stream of type EEG")
    stream = max(eeg, key=lambda s: int(s["info"]["channel_count"][0]))
    stamps = np.asarray(stream["time_stamps"])
    sfreq = float(stream["info"]["nominal_srate"][0])
    if not (math.isfinite(sfreq) and sfreq > 0):
        raise ValueError("its EEG stream has no sampling frequency")
    names, unit = _xdf_channels(stream)
    signal = np.asarray(stream["time_series"], dtype=float).T * unit
    raw = mne.io.RawArray(signal, mne.create_info(names, sfreq, "eeg"), verbose="error")
    onsets, words = [], []
    for marker in markers:
        onsets += (np.asarray(marker["time_stamps"]) - stamps[0]).tolist()
        words += [str(row[0]) for row in marker["time_series"]]
    raw.set_annotations(mne.Annotations(onsets, 0.0, words))
    return raw


def _xdf_channels(stream):
    """Names of the channels, and the factor to volts (microvolts where unsaid)."""
    count = int(stream["info"]["channel_count"][0])
    try:
        listed = stream["info"]["desc"][0]["channels"][0]["channel"]
        names = [str(channel["label"][0]) for channel in listed]
        unit = str(listed[0].get("unit", ["microvolts"])[0]).lower()
    except (KeyError, IndexError, TypeError):
        names, unit = [], "microvolts"
    if len(names) != count or len(set(names)) != count:
        names = [f"EEG{i + 1:03d}" for i in range(count)]
    if unit in ("v", "volt", "volts"):
        return names, 1.0
    return names, 1e-3 if unit in ("mv", "millivolt", "millivolts") else 1e-6
