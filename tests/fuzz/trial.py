"""One generated input, and what counts as a failure."""

import copy
import os
import signal
import threading
import time
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier, is_clusterer, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

import skgeo
from skgeo.exceptions import LongFitWarning
from tests.fuzz import inputs, parameters

PACKAGE = os.path.dirname(skgeo.__file__) + os.sep

METHODS = (
    "predict",
    "transform",
    "predict_proba",
    "decision_function",
    "score_samples",
    "score",
)
# CPU seconds on tiny data. Loops are announced after five if ten more are to come.
SLOW = 16.0
# Messages of numpy, scipy or a worker, which name no cause and no remedy.
UNCLEAR = (
    "not supported between instances",
    "'NoneType' object",
    "object is not subscriptable",
    "Singular matrix",
    "did not converge",
    "zero-size array",
    "matmul: ",
    "could not be broadcast",
    "RemoteTraceback",
    "cannot convert float",
    "math domain",
    "leading minor",
    "index out of bounds",
    "cannot reshape",
    "incompatible dimensions",
    "too many values to unpack",
)


@dataclass(frozen=True)
class Finding:
    """A failure: its kind, where it arose, and how to bring it about."""

    estimator: str
    kind: str
    where: str
    seed: int
    text: str


class TooSlow(BaseException):
    """The time of one trial is over."""


@contextmanager
def time_limit(seconds):
    """Interrupt what takes too long (main thread of a POSIX system only)."""
    if not hasattr(signal, "SIGVTALRM") or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(*_):
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def length(X):
    """Number of samples; None where there is none."""
    try:
        return len(X)
    except TypeError:
        return None


def same(a, b):
    """Whether two inputs hold the same, NaN equal to NaN."""
    try:
        if hasattr(a, "equals"):
            return a.equals(b)
        if isinstance(a, list):
            a, b = np.array(a, dtype=object), np.array(b, dtype=object)
        if isinstance(a, np.ndarray) and a.dtype == object:
            return repr(a.tolist()) == repr(b.tolist())
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    except (TypeError, ValueError):
        return True


def finite(answer):
    """Whether an answer is free of NaN and infinity."""
    if sparse.issparse(answer):
        answer = answer.data
    values = np.asarray(answer)
    return values.dtype.kind not in "fc" or bool(np.isfinite(values).all())


def place(error):
    """Last line of skgeo in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(PACKAGE)]
    if not ours:
        return "?"
    name = ours[-1].filename.removeprefix(PACKAGE)
    return f"{name}:{ours[-1].lineno}"


def judge(error):
    """Name the kind of failure that an exception is; None for a clear refusal."""
    if isinstance(error, np.linalg.LinAlgError):
        # NotPositiveDefiniteError and the like say what to do; a bare one does not.
        return "LinAlgError"
    if isinstance(error, (ValueError, TypeError)):
        message = str(error)
        if any(words in message for words in UNCLEAR):
            return "unclear message"
        return None if message.strip() else "empty message"
    if isinstance(error, (NotFittedError, ModuleNotFoundError)):
        return None
    return type(error).__name__


def make(rng, cls, describe):
    """Draw an estimator and its training data."""
    name = cls.__name__
    chosen = parameters.drawn(rng, cls)
    probe = PROBES[name]() if name in PROBES else cls()
    describe.append(str(chosen))
    estimator = probe.set_params(**chosen)
    tags = get_tags(PROBES[name]() if name in PROBES else cls())
    if tags.input_tags.three_d_array:
        takes_matrices = name in MATRICES
        X, words = (inputs.matrices if takes_matrices else inputs.trials)(rng)
    else:
        X, words = inputs.table(rng, COLUMNS.get(name))
    describe += words
    n = length(X) or 0
    y = None
    if name in ("MEDIDA",):
        y = np.asarray(X) if rng.random() < 0.2 else _advanced(rng, X)
    elif is_classifier(estimator):
        y = inputs.labels(rng, n, describe)
    elif is_regressor(estimator):
        y = inputs.targets(rng, n, describe)
    elif is_clusterer(estimator) or not tags.target_tags.required:
        y = None
    return estimator, X, y


def _advanced(rng, X):
    """States one step after others."""
    X = np.asarray(X)
    if X.dtype.kind not in "fiub":
        return X
    with np.errstate(all="ignore"):
        return X * 0.99 + 0.001 * rng.standard_normal(X.shape)


# Filled in by `registry`: estimators that need arguments, widths, kinds of input.
PROBES: dict = {}
COLUMNS: dict = {}
MATRICES: set = set()


def run(cls, seed):
    """Run one trial.

    Returns
    -------
    findings : list of Finding
        What went wrong.
    fitted : bool
        Whether the input was accepted.
    """
    rng = np.random.default_rng(seed)
    describe, findings = [], []

    def found(kind, where, text):
        text = f"{'; '.join(describe)}: {text}"
        findings.append(Finding(cls.__name__, kind, where, seed, text))

    try:
        estimator, X, y = make(rng, cls, describe)
    except (ValueError, TypeError) as error:
        found("cannot be made", place(error), repr(error))
        return findings, False
    kept, kept_y = copy.deepcopy(X), copy.deepcopy(y)
    before = {k: repr(v) for k, v in estimator.get_params(deep=False).items()}
    start = time.process_time()
    fitted = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with time_limit(20):
                estimator.fit(X, y) if y is not None else estimator.fit(X)
                fitted = True
                _call_methods(estimator, X, y, found)
        except TooSlow:
            pass
        except Exception as error:  # what it is, judge says
            if kind := judge(error):
                found(kind, place(error), f"{type(error).__name__}: {error}")
    seconds = time.process_time() - start
    # What was said beforehand may be slow.
    if seconds > SLOW and not any(w.category is LongFitWarning for w in caught):
        found("slow", "fit", f"{seconds:.0f} CPU seconds, not announced")
    noisy = {
        f"{w.filename.removeprefix(PACKAGE)}:{w.lineno}"
        for w in caught
        if issubclass(w.category, RuntimeWarning) and w.filename.startswith(PACKAGE)
    }
    for where in sorted(noisy):
        found("RuntimeWarning", where, "numpy warned")
    if not same(X, kept) or (y is not None and not same(y, kept_y)):
        found("input changed", "fit", "X or y differ after the call")
    after = {k: repr(v) for k, v in estimator.get_params(deep=False).items()}
    if {k: v for k, v in after.items() if k != "random_state"} != {
        k: v for k, v in before.items() if k != "random_state"
    }:
        found("parameter changed", "fit", f"{before} -> {after}")
    return findings, fitted


def _call_methods(estimator, X, y, found):
    """Call every method on the training data: fit has accepted them."""
    n = length(X)
    for method in METHODS:
        try:
            call = getattr(estimator, method)
        except AttributeError:
            continue
        arguments = (X, y) if method == "score" else (X,)
        try:
            answer = call(*arguments)
        except Exception as error:
            kind = judge(error) or "later call refuses"
            found(kind, place(error), f"{method}: {type(error).__name__}: {error}")
            continue
        if not finite(answer):
            found("NaN or inf", method, "an answer is not finite")
        if method != "score" and n is not None and length(answer) not in (n, None):
            found("shape", method, f"{length(answer)} rows for {n} samples")
