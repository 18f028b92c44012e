"""Data sets and paradigms of MOABB by name."""

import os
import re

from skgeo.eeg._moabb.names import pick_name
from skgeo.utils.optional import import_optional

__all__ = ["EMBEDDED", "dataset_names", "find_dataset", "find_paradigm"]

EMBEDDED = "EmbeddedMotorImagery"
PARADIGM_OF_KIND = {"p300": "P300", "ssvep": "SSVEP", "cvep": "CVEP"}


def _dataset_classes():
    import_optional("moabb", extra="eeg")
    from moabb.datasets.fake import FakeDataset
    from moabb.datasets.utils import dataset_list

    found = {cls.__name__: cls for cls in dataset_list}
    return {**found, "FakeDataset": FakeDataset}


def dataset_names():
    """List the names of all data sets that can be asked for.

    Returns
    -------
    names : list of str
        The embedded one first, then MOABB's.
    """
    return [EMBEDDED, *sorted(set(_dataset_classes()) - {EMBEDDED})]


def find_dataset(
    name, *, evaluation="within-session", channels="motor", **file_options
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
    if os.path.exists(text) or re.search(r"[/\\]|\.\w{2,4}$", text):
        from skgeo.datasets import from_files

        return from_files(text, **file_options)
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


def find_paradigm(name, dataset, *, classes=None, band="default", channels=None):
    """Find a paradigm by name, or the one that fits a data set.

    Parameters
    ----------
    name : str or None
        Name of a class of ``moabb.paradigms``; None takes ``LeftRightImagery`` where
        the data set has these two classes, ``MotorImagery`` with all classes but rest
        elsewhere, and ``P300``, ``SSVEP`` or ``CVEP`` for data sets of these kinds.
    dataset : moabb.datasets.base.BaseDataset
        The data set.
    classes : sequence of str, optional
        Classes to tell apart, for paradigms that let one choose.
    band : (float, float), None or "default", default="default"
        Band-pass filter in Hz; None for none; the paradigm's own by default.
    channels : sequence of str, optional
        Channels to keep.

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
    hands = {"left_hand", "right_hand"}
    if name is None:
        kind = dataset.paradigm
        if kind in PARADIGM_OF_KIND:
            name = PARADIGM_OF_KIND[kind]
        elif set(classes or labels) >= hands and len(classes or hands) == 2:
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
        raise ValueError(f"{dataset.code} has no class {gone}; it has {labels}.")
    if name in ("MotorImagery", "FilterBankMotorImagery", "Imagery", "SpeechImagery"):
        chosen = list(classes) if classes else [c for c in labels if c != "rest"]
        options = {"events": chosen, "n_classes": len(chosen)}
    elif name in ("SSVEP", "CVEP", "FilterBankSSVEP", "FilterBankCVEP"):
        chosen = list(classes) if classes else labels
        options = {"events": chosen, "n_classes": len(chosen)}
    elif classes is not None and set(classes) != hands:
        raise ValueError(f"{name} does not let one choose classes; got {classes}.")
    if band is None:
        options |= {"fmin": None, "fmax": None}
    elif band != "default":
        options |= {"fmin": float(band[0]), "fmax": float(band[1])}
    if isinstance(channels, str):
        raise ValueError(
            f"channels must be a sequence of names here, got {channels!r}: the words "
            "'motor' and 'all' are for the embedded recording by name."
        )
    if channels is not None:
        options["channels"] = list(channels)
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
