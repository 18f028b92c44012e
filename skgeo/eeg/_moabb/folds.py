"""Folds: MOABB's, and those a user asks for."""

import re
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import (
    KFold,
    LeaveOneGroupOut,
    TimeSeriesSplit,
)

__all__ = ["Folds", "make_folds"]

NAMED = ("runs", "run-pairs", "blocks", "chronological")
N_FOLDS = 5  # MOABB's number
LEFT_OUT = {"cross-session": "session", "cross-subject": "subject"}


@dataclass(frozen=True)
class Folds:
    """How trials are split into training and test sets.

    Attributes
    ----------
    name : str
        ``"default"``, ``"number"``, ``"own"`` or one of :data:`NAMED`.
    n_splits : int
        Number of folds, for those that have one.
    splitter : object or None
        The user's own splitter.
    """

    name: str = "default"
    n_splits: int = N_FOLDS
    splitter: object = None

    def describe(self, evaluation: str) -> str:
        """Say in words what the folds are.

        Parameters
        ----------
        evaluation : str
            Name of the evaluation.

        Returns
        -------
        words : str
            The words.
        """
        if evaluation in LEFT_OUT:
            return f"one {LEFT_OUT[evaluation]} left out at a time"
        return {
            "default": f"{N_FOLDS} random stratified folds",
            "number": f"{self.n_splits} random stratified folds",
            "runs": "one run left out at a time",
            "run-pairs": "a pair of consecutive runs left out at a time",
            "blocks": f"{self.n_splits} blocks of consecutive trials",
            "chronological": f"{self.n_splits} blocks, trained on what came before",
            "own": repr(self.splitter),
        }[self.name]

    def split(self, y, metadata, evaluation: str, random_state: int):
        """Yield the training and test indices of each fold.

        Parameters
        ----------
        y : ndarray of str
            Classes.
        metadata : pandas.DataFrame
            MOABB's: ``subject``, ``session`` and ``run`` of each trial.
        evaluation : str
            Name of the evaluation.
        random_state : int
            Seed.

        Yields
        ------
        train, test : ndarray of int
            Indices.
        """
        from moabb.evaluations import splitters

        if evaluation == "cross-session":
            yield from splitters.CrossSessionSplitter().split(y, metadata)
        elif evaluation == "cross-subject":
            yield from splitters.CrossSubjectSplitter().split(y, metadata)
        elif self.name in ("default", "number"):
            moabb = splitters.WithinSessionSplitter(
                n_folds=self.n_splits, shuffle=True, random_state=random_state
            )
            yield from moabb.split(y, metadata)
        else:
            sessions = metadata.groupby(["subject", "session"], sort=False).indices
            for index in sessions.values():
                index = np.sort(index)
                runs = metadata["run"].to_numpy()[index]
                for train, test in self._within(y[index], runs, random_state):
                    yield index[train], index[test]

    def _within(self, y, runs, random_state):
        nothing = np.zeros((len(y), 1))
        if self.name in ("runs", "run-pairs"):
            groups = [_position(run) for run in runs]
            if self.name == "run-pairs":
                groups = [position // 2 for position in groups]
            if len(set(groups)) < 2:
                raise ValueError(
                    f"cv={self.name!r} (--folds {self.name}) needs several "
                    f"{'pairs of ' * (self.name == 'run-pairs')}runs in each session; "
                    f"here is one. Try cv='blocks', or cv={N_FOLDS}."
                )
            yield from LeaveOneGroupOut().split(nothing, y, groups)
        elif self.name == "blocks":
            yield from KFold(self.n_splits).split(nothing)
        elif self.name == "chronological":
            yield from TimeSeriesSplit(self.n_splits).split(nothing)
        else:
            yield from self.splitter.split(nothing, y, [_position(r) for r in runs])


def _position(run):
    """Position of a run in its session, with which MOABB's name of it starts."""
    return int(re.match("[0-9]+", str(run)).group())


def make_folds(cv, evaluation: str) -> Folds:
    """Read what the user asks for.

    Parameters
    ----------
    cv : None, int, str or splitter
        See :func:`skgeo.eeg.evaluate`.
    evaluation : str
        Name of the evaluation.

    Returns
    -------
    folds : Folds
        The folds.

    Raises
    ------
    ValueError
        If there are no such folds, or the evaluation has its own.
    """
    if cv is None or isinstance(cv, Folds):
        return cv or Folds()
    if evaluation in LEFT_OUT:
        raise ValueError(
            f"cv={cv!r} (--folds) is for within-session evaluation; {evaluation} "
            f"leaves one {LEFT_OUT[evaluation]} out at a time. Leave it away."
        )
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        return Folds("number", _number(cv, cv))
    if isinstance(cv, str):
        name, _, number = cv.lower().partition(":")
        if name.isdecimal() and not number:
            return Folds("number", _number(name, cv))
        if name in NAMED and (not number or name in ("blocks", "chronological")):
            return Folds(name, _number(number, cv) if number else N_FOLDS)
    elif hasattr(cv, "split") and hasattr(cv, "get_n_splits"):
        return Folds("own", splitter=cv)
    raise ValueError(
        f"cv (--folds) must be a number of folds (2 or more), one of "
        f"{', '.join(NAMED)}, 'blocks:K' or 'chronological:K' for K of them, or a "
        f"scikit-learn splitter; got {cv!r}."
    )


def _number(value, cv):
    if str(value).isdecimal() and 2 <= int(value) <= 10_000:
        return int(value)
    raise ValueError(f"cv (--folds) must give at least 2 folds; got {cv!r}.")


def fewest_per_class(folds: Folds) -> int:
    """Return how many trials of each class the folds need in a session."""
    return folds.n_splits if folds.name in ("default", "number") else 2
