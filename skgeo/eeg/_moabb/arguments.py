"""Arguments of an evaluation: checked before anything is loaded or computed."""

import math
import numbers
import re

from skgeo.eeg._moabb.names import near_matches
from skgeo.utils.params import (
    Boolean,
    Callable,
    Instance,
    Integer,
    Null,
    OneOf,
    Real,
    SequenceOf,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = [
    "check_arguments",
    "check_band",
    "check_filters",
    "check_scorer",
    "choose_subjects",
]

RULES = {
    "resample": Null() | Real(1.0, 1e6),
    "n_jobs": Integer(1, 10_000) | Integer(-1, -1),
    "overwrite": Boolean(),
    "random_state": Integer(0, 2**32 - 1),
    "verbose": Boolean() | Integer(0, 2),
    "classes": Null() | SequenceOf(Instance(str, "a string")),
    "channels": Null()
    | Instance(str, "a word")
    | SequenceOf(Instance(str, "a string")),
    "subjects": Null()
    | Instance(str, "words such as '1,2,5-8'")
    | SequenceOf(Instance((str, numbers.Integral), "a string or an integer")),
    "interval": Null() | SequenceOf(Real(-1e6, 1e6), min_length=2),
    "callbacks": Null() | Callable() | SequenceOf(Callable()),
}
# Scores of scikit-learn that exist for two classes only, and what there is for more.
TWO_CLASSES = {
    "roc_auc": "roc_auc_ovr",
    "average_precision": "balanced_accuracy",
    **{name: f"{name}_macro" for name in ("f1", "precision", "recall", "jaccard")},
}


def check_arguments(**values):
    """Check arguments of ``evaluate`` one by one.

    Parameters
    ----------
    **values : dict
        The arguments that have a rule.

    Returns
    -------
    checked : types.SimpleNamespace
        Their values, numpy's numbers as Python's.

    Raises
    ------
    InvalidParameterError
        Names the argument, what it takes and what was found.
    """
    checked = check_params("evaluate", RULES, values)
    interval = checked.interval
    if interval is not None and (len(interval) != 2 or not interval[0] < interval[1]):
        raise ValueError(
            "interval (--interval) must be (start, stop) in seconds, start < stop; got "
            f"{tuple(interval)}."
        )
    if checked.classes is not None:
        checked.classes = list(dict.fromkeys(checked.classes))
        if len(checked.classes) < 2:
            raise ValueError(
                f"classes (--classes) must name at least two; got {checked.classes}: "
                "with one class there is nothing to tell apart."
            )
    if checked.channels is not None and not isinstance(checked.channels, str):
        checked.channels = list(dict.fromkeys(checked.channels))
    return checked


def check_band(band, sfreq=None):
    """Check a filter.

    Parameters
    ----------
    band : (float, float), None or "default"
        Its edges in Hz.
    sfreq : float, optional
        Sampling frequency in Hz, where it is known.

    Returns
    -------
    band : (float, float), None or "default"
        Python's own numbers.

    Raises
    ------
    ValueError
        If it is no band, runs backwards, or exceeds half the sampling frequency.
    """
    edge = Null() | Real(0.0, 1e6)
    rule = {"band": Null() | OneOf("default") | SequenceOf(edge, min_length=2)}
    band = check_params("evaluate", rule, {"band": band}).band
    if band is None or band == "default":
        return band
    low, high = band if len(band) == 2 else (1, 0)
    if low is None and high is None:
        return None
    if not (low or 0.0) < (high or math.inf):
        raise ValueError(
            "band (--band) must be (low, high) in Hz, low < high; got "
            f"{tuple(band)}. MNE would filter out what lies between."
        )
    if sfreq is not None and max(low or 0.0, high or 0.0) >= sfreq / 2:
        raise ValueError(
            f"band (--band) must stay below half the sampling frequency, {sfreq / 2:g} "
            f"Hz; got {tuple(band)}."
        )
    return (low or None), high


def check_filters(paradigm, dataset):
    """Check the filters of a paradigm against its rate and the length of trials.

    Parameters
    ----------
    paradigm : moabb.paradigms.base.BaseParadigm
        The paradigm.
    dataset : moabb.datasets.base.BaseDataset
        The data set.

    Raises
    ------
    ValueError
        If a filter does not stay below half the frequency to resample to.

    Warns
    -----
    UserWarning
        If trials are shorter than half a period of the width of a filter.
    """
    rate = getattr(paradigm, "resample", None)
    start, stop = dataset.interval[:2]
    for low, high in getattr(paradigm, "filters", None) or ():
        if rate and high is not None and high >= rate / 2:
            raise ValueError(
                f"The band {low or 0:g} to {high:g} Hz does not stay below half of "
                f"resample={rate:g} Hz (--resample): give a lower band (--band), or a "
                "higher frequency to resample to."
            )
        if high is not None and 2.0 * (high - (low or 0.0)) * (stop - start) < 1.0:
            warn_user(
                f"The band {low or 0:g} to {high:g} Hz is narrower than trials of "
                f"{stop - start:g} s resolve. Bands (--band) are in Hz."
            )


def check_scorer(scorer, n_classes):
    """Check a scorer.

    Parameters
    ----------
    scorer : str, callable or None
        Name of a scorer of scikit-learn, or a scorer.
    n_classes : int
        Number of classes.

    Returns
    -------
    scorer : str, callable or None
        The scorer.

    Raises
    ------
    ValueError
        If there is none of the name, or it is for two classes only.
    """
    from sklearn.metrics import get_scorer, get_scorer_names

    if scorer is None or callable(scorer):
        return scorer
    known = get_scorer_names()
    if not isinstance(scorer, str) or scorer not in known:
        near = near_matches(str(scorer), known)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ValueError(
            "scorer (--scorer) must be the name of a scorer of scikit-learn or a "
            f"scorer; got {scorer!r}.{hint}"
        )
    metric = get_scorer(scorer)._score_func.__module__
    if "_regression" in metric or ".cluster" in metric or scorer.endswith("_samples"):
        raise ValueError(
            f"scorer={scorer!r} (--scorer) is not for classes: its number would mean "
            "nothing here. Try 'accuracy', 'balanced_accuracy' or 'roc_auc_ovr'."
        )
    if n_classes > 2 and scorer in TWO_CLASSES:
        raise ValueError(
            f"scorer={scorer!r} (--scorer) is for two classes, here are {n_classes}: "
            f"try {TWO_CLASSES[scorer]!r}."
        )
    return scorer


def choose_subjects(dataset, subjects):
    """Find the subjects that are asked for.

    Parameters
    ----------
    dataset : moabb.datasets.base.BaseDataset
        The data set.
    subjects : None, str or sequence of int or str
        All; words such as ``"1,2,5-8"``; or subjects. A name that is not there but
        means the same number as one that is (1, ``"01"``) stands for it.

    Returns
    -------
    chosen : tuple
        Subjects as the data set knows them, each once.

    Raises
    ------
    ValueError
        If one is not there, or a range runs backwards.
    """
    if subjects is None:
        return tuple(dataset.subject_list)
    known = {str(subject): subject for subject in dataset.subject_list}
    numbered = {}
    for name in known:
        if name.isdecimal():
            numbered.setdefault(int(name), []).append(name)
    if isinstance(subjects, str):
        subjects = [word.strip() for word in subjects.split(",") if word.strip()]
    chosen, unknown = [], []
    for word in map(str, subjects):
        names = _named(word, known, numbered)
        chosen += names
        if not names:
            unknown.append(word)
    if unknown or not chosen:
        shown = ", ".join(list(known)[:10]) + (", ..." if len(known) > 10 else "")
        what = f"no subject {', '.join(unknown)}" if unknown else "been asked for none"
        raise ValueError(
            f"{dataset.code} has {what} (subjects=, --subjects); it has {shown}."
        )
    return tuple(known[name] for name in dict.fromkeys(chosen))


def _named(word, known, numbered):
    """Names of the subjects a word stands for; none if one of them is not there."""
    if word in known:
        return [word]
    if word.isdecimal() and len(numbered.get(int(word), ())) == 1:
        return numbered[int(word)]
    ends = re.fullmatch("([0-9]+) *- *([0-9]+)", word)
    if not ends:
        return []
    first, last = int(ends.group(1)), int(ends.group(2))
    if first > last:
        raise ValueError(
            f"The range of subjects {word!r} runs backwards: did you mean "
            f"{ends.group(2)}-{ends.group(1)}?"
        )
    if last - first >= len(numbered):
        return []  # some are not there, however many it asks for
    wanted = range(first, last + 1)
    if any(len(numbered.get(number, ())) != 1 for number in wanted):
        return []
    return [numbered[number][0] for number in wanted]
