"""Data sets and paradigms of MOABB by name."""

import os
import re
from collections.abc import Sequence

from skgeo.eeg._moabb.names import near_matches, pick_name
from skgeo.utils.optional import import_optional

__all__ = [
    "EMBEDDED",
    "dataset_table",
    "find_dataset",
    "find_paradigm",
    "is_embedded",
    "is_path",
]

EMBEDDED = "EmbeddedMotorImagery"
PARADIGM_OF_KIND = {"p300": "P300", "ssvep": "SSVEP", "cvep": "CVEP"}


def _dataset_classes():
    import_optional("moabb", extra="eeg")
    from moabb.datasets.fake import FakeDataset
    from moabb.datasets.utils import dataset_list

    found = {cls.__name__: cls for cls in dataset_list}
    return {**found, "FakeDataset": FakeDataset}


def is_path(dataset) -> bool:
    """Return whether a data set is given as a file or folder."""
    if not isinstance(dataset, (str, os.PathLike)):
        return False
    text = os.fspath(dataset)
    return os.path.exists(text) or bool(re.search(r"[/\\]|\.\w{2,4}$", text))


def is_embedded(dataset) -> bool:
    """Return whether a data set is the embedded recording, by name or made already."""
    if isinstance(dataset, (str, os.PathLike)):
        return os.fspath(dataset).lower() == EMBEDDED.lower()
    return type(dataset).__name__ == EMBEDDED


def dataset_table(words: str = "") -> list[dict]:
    """List the data sets that can be asked for by name.

    Parameters
    ----------
    words : str, default=""
        Words that must all occur in what is listed of a data set, in any case.

    Returns
    -------
    rows : list of dict
        ``name``, ``paradigm``, ``people``, ``channels``, ``license``; the embedded one
        first. Those MOABB has for its own tests are left out.
    """
    rows = [
        {
            "name": EMBEDDED,
            "paradigm": "imagery",
            "people": "1",
            "channels": "64",
            "license": "ODC-By-1.0",
        }
    ]
    for name, cls in sorted(_dataset_classes().items()):
        if name == EMBEDDED or name.startswith("Fake"):
            continue
        about = getattr(cls, "METADATA", None)
        channels = getattr(about, "acquisition", None)
        kinds = getattr(channels, "channel_types", None) or {}
        experiment = getattr(about, "experiment", None)
        rows.append(
            {
                "name": name,
                "paradigm": str(getattr(experiment, "paradigm", None) or "?"),
                "people": _or_unknown(getattr(about, "participants", None)),
                "channels": str(kinds.get("eeg", "?")),
                "license": str(
                    getattr(getattr(about, "documentation", None), "license", None)
                    or "?"
                ),
            }
        )
    wanted = words.lower().split()
    return [
        row
        for row in rows
        if all(word in " ".join(row.values()).lower() for word in wanted)
    ]


def _or_unknown(participants):
    return str(getattr(participants, "n_subjects", None) or "?")


def find_dataset(
    name: str | os.PathLike,
    *,
    evaluation: str = "within-session",
    channels: str | Sequence[str] | None = "motor",
    resample: float | None = None,
    several: bool = False,
    **file_options,
):
    """Find a data set by name, or make one of files.

    Parameters
    ----------
    name : str or path-like
        Name of a MOABB data set, ``"EmbeddedMotorImagery"``, or the path of a file or
        folder that :func:`skgeo.datasets.from_files` reads.
    evaluation : str, default="within-session"
        With ``"cross-session"`` the blocks of the embedded recording are its sessions.
    channels : str or sequence of str, default="motor"
        Channels of the embedded recording.
    resample : float, optional
        Sampling frequency in Hz for continuous recordings in files.
    several : bool, default=False
        Whether the data set is one of several; options of files then go to those they
        are for, rather than being refused by others.
    **file_options : dict
        Options of :func:`skgeo.datasets.from_files`.

    Returns
    -------
    dataset : moabb.datasets.base.BaseDataset
        The data set.

    Raises
    ------
    ValueError
        If there is none; the message lists the nearest names.
    """
    text = os.fspath(name)
    if is_path(text):
        from skgeo.datasets import from_files
        from skgeo.datasets._eeg.files import is_continuous

        if is_continuous(text):
            return from_files(text, resample=resample, **file_options)
        return from_files(text, **({} if several else file_options))
    known = _dataset_classes()
    found = pick_name(text, [EMBEDDED, *sorted(known)], "data set")
    if found == EMBEDDED:
        from skgeo.datasets import EmbeddedMotorImagery

        sessions = "blocks" if evaluation == "cross-session" else "one"
        return EmbeddedMotorImagery(channels=channels or "motor", sessions=sessions)
    if found == "FakeDataset":
        # MOABB's default, made of noise, with the classes of LeftRightImagery.
        events = ["left_hand", "right_hand"]
        return known[found](events, n_subjects=3, n_runs=1, seed=0)
    return known[found]()


def find_paradigm(
    name: str | None,
    dataset,
    *,
    classes: Sequence[str] | None = None,
    band: tuple[float, float] | str | None = "default",
    channels: Sequence[str] | None = None,
    resample: float | None = None,
    scorer=None,
):
    """Find a paradigm by name, or the one that fits a data set.

    Parameters
    ----------
    name : str or None
        Name of a class of ``moabb.paradigms``; None takes ``LeftRightImagery`` where
        the data set has these two classes, ``MotorImagery`` elsewhere, and ``P300``,
        ``SSVEP`` or ``CVEP`` for data sets of these kinds. ``MotorImagery`` takes all
        classes but rest, and rest too where fewer than two would remain. Of the
        user's own recordings, whose classes were named by the user, none is left out.
    dataset : moabb.datasets.base.BaseDataset
        The data set.
    classes : sequence of str, optional
        Classes to tell apart, for paradigms that let one choose.
    band : (float, float), None or "default", default="default"
        Band-pass filter in Hz; None for none; the paradigm's own by default.
    channels : sequence of str, optional
        Channels to keep.
    resample : float, optional
        Sampling frequency in Hz to bring trials to.
    scorer : str or callable, optional
        Score; the paradigm's own by default.

    Returns
    -------
    paradigm : moabb.paradigms.base.BaseParadigm
        The paradigm.

    Raises
    ------
    ValueError
        If there is none, or it does not fit the data set.
    """
    module = import_optional("moabb.paradigms", extra="eeg")
    known = [
        key
        for key, value in vars(module).items()
        if isinstance(value, type) and not key.startswith(("Base", "Fake"))
    ]
    labels = list(dataset.event_id)
    default = _default_classes(dataset)
    hands = {"left_hand", "right_hand"}
    if name is None:
        kind = dataset.paradigm
        if kind in PARADIGM_OF_KIND:
            name = PARADIGM_OF_KIND[kind]
        elif set(classes or default) == hands or (
            classes is None
            and set(labels) >= hands
            and not getattr(dataset, "classes_given", False)
        ):
            name = "LeftRightImagery"
        elif kind == "imagery":
            name = "MotorImagery"
        else:
            raise ValueError(
                f"{dataset.code} is of kind {kind!r}: name a paradigm. Known: "
                f"{', '.join(known)}."
            )
    name = pick_name(name, known, "paradigm")
    options = {}
    if classes is not None and set(classes) - set(labels):
        gone = sorted(set(classes) - set(labels))
        raise ValueError(
            f"{dataset.code} has no class {gone} (classes=, --classes); it has "
            f"{labels}."
        )
    if name in ("MotorImagery", "FilterBankMotorImagery", "Imagery", "SpeechImagery"):
        chosen = list(classes) if classes else default
        options = {"events": chosen, "n_classes": len(chosen)}
    elif name in ("SSVEP", "CVEP", "FilterBankSSVEP", "FilterBankCVEP"):
        chosen = list(classes) if classes else labels
        options = {"events": chosen, "n_classes": len(chosen)}
    elif classes is not None and set(classes) != hands:
        raise ValueError(
            f"{name} does not let one choose classes= (--classes); got {list(classes)}."
        )
    if band is None:
        options |= {"fmin": None, "fmax": None}
    elif band != "default":
        low, high = (None if edge is None else float(edge) for edge in band)
        options |= {"fmin": low, "fmax": high}
    if isinstance(channels, str):
        raise ValueError(
            f"channels must be a sequence of names here, got {channels!r}: the words "
            "'motor' and 'all' are for the embedded recording by name."
        )
    if channels is not None:
        options["channels"] = list(channels)
        _check_channels(dataset, options["channels"])
    options |= {
        key: value
        for key, value in (("resample", resample), ("scorer", scorer))
        if value is not None
    }
    try:
        paradigm = getattr(module, name)(**options)
    except TypeError as error:
        raise ValueError(f"{name} does not take all of {options}: {error}") from error
    if not paradigm.is_valid(dataset):
        raise ValueError(
            f"{name} does not fit {dataset.code}, a data set of kind "
            f"{dataset.paradigm!r} with the classes {', '.join(labels)}."
        )
    return paradigm


def _default_classes(dataset):
    """All classes but rest; with rest where it was named or is needed."""
    labels = list(dataset.event_id)
    if getattr(dataset, "classes_given", False):
        return labels
    chosen = [label for label in labels if label != "rest"]
    return chosen if len(chosen) >= 2 else labels


def _check_channels(dataset, channels):
    """Refuse channels that a data set at hand does not have."""
    known = getattr(dataset, "ch_names", None)
    gone = [name for name in channels if known is not None and name not in known]
    if gone:
        near = [match for name in gone for match in near_matches(name, known, n=2)]
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ValueError(
            f"{dataset.code} has no channel {', '.join(gone)} (channels=, "
            f"--channels).{hint} It has {', '.join(known[:20])}"
            f"{', ...' if len(known) > 20 else ''}."
        )
