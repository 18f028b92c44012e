"""Rules for estimator parameters, checked at the start of ``fit``.

An estimator states its rules once, in a class attribute, and calls
:func:`check_params` first thing in ``fit``::

    class Estimator(BaseEstimator):
        _param_rules = {
            "tol": Real(0.0, closed="neither"),
            "max_iter": Integer(1),
            "shrinkage": Null() | OneOf("auto") | Real(0.0, 1.0),
        }
"""

import math
import numbers

import numpy as np

__all__ = [
    "Boolean",
    "Callable",
    "Instance",
    "Integer",
    "InvalidParameterError",
    "Null",
    "OneOf",
    "RandomState",
    "Real",
    "Rule",
    "SequenceOf",
    "check_params",
]


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a value its estimator cannot use."""


class Rule:
    """A condition on a value, with words for it; ``a | b`` accepts either."""

    def accepts(self, value):
        """Return whether ``value`` obeys the rule."""
        raise NotImplementedError  # each subclass states its own condition

    def __or__(self, other):
        return _Either(self, other)


class _Either(Rule):
    def __init__(self, *rules):
        self.rules = rules

    def accepts(self, value):
        return any(rule.accepts(value) for rule in self.rules)

    def __str__(self):
        return " or ".join(map(str, self.rules))


class _Number(Rule):
    kind: type
    noun: str

    def __init__(self, low=-math.inf, high=math.inf, closed="both"):
        self.low, self.high, self.closed = low, high, closed

    def accepts(self, value):
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        if not math.isfinite(value):
            return False
        above = (
            value >= self.low if self.closed in ("both", "left") else value > self.low
        )
        below = (
            value <= self.high
            if self.closed in ("both", "right")
            else value < self.high
        )
        return above and below

    def __str__(self):
        low_word = ">=" if self.closed in ("both", "left") else ">"
        high_word = "<=" if self.closed in ("both", "right") else "<"
        parts = []
        if self.low > -math.inf:
            parts.append(f"{low_word} {self.low:g}")
        if self.high < math.inf:
            parts.append(f"{high_word} {self.high:g}")
        return " ".join([self.noun, " and ".join(parts)]).strip()


class Real(_Number):
    """A finite real number in an interval (``closed``: which ends belong to it)."""

    kind = numbers.Real
    noun = "a finite number"


class Integer(_Number):
    """An integer in an interval; booleans are refused."""

    kind = numbers.Integral
    noun = "an integer"


class OneOf(Rule):
    """One of a few strings."""

    def __init__(self, *options):
        self.options = options

    def accepts(self, value):
        return isinstance(value, str) and value in self.options

    def __str__(self):
        if len(self.options) == 1:
            return repr(self.options[0])
        return "one of " + ", ".join(map(repr, self.options))


class Boolean(Rule):
    """True or False."""

    def accepts(self, value):
        return isinstance(value, (bool, np.bool_))

    def __str__(self):
        return "True or False"


class Null(Rule):
    """None."""

    def accepts(self, value):
        return value is None

    def __str__(self):
        return "None"


class Callable(Rule):
    """Anything that can be called."""

    def accepts(self, value):
        return callable(value)

    def __str__(self):
        return "a callable"


class Instance(Rule):
    """An instance of one of some classes, described by ``words``."""

    def __init__(self, classes, words):
        self.classes, self.words = classes, words

    def accepts(self, value):
        return isinstance(value, self.classes)

    def __str__(self):
        return self.words


class SequenceOf(Rule):
    """A non-empty sequence (tuple, list, range, 1-D array) whose items obey a rule."""

    def __init__(self, rule, min_length=1):
        self.rule, self.min_length = rule, min_length

    def accepts(self, value):
        if isinstance(value, (str, bytes, dict, set)):
            return False
        try:
            items = list(value)
        except TypeError:
            return False
        return len(items) >= self.min_length and all(map(self.rule.accepts, items))

    def __str__(self):
        length = "" if self.min_length <= 1 else f" of at least {self.min_length} items"
        return f"a sequence{length}, each item {self.rule}"


class RandomState(Rule):
    """What :func:`sklearn.utils.check_random_state` takes."""

    def accepts(self, value):
        return (
            value is None
            or isinstance(value, np.random.RandomState)
            or Integer(0, 2**32 - 1).accepts(value)
        )

    def __str__(self):
        return "None, an integer in [0, 2**32 - 1] or a numpy RandomState"


def check_params(estimator):
    """Check the parameters of an estimator against its ``_param_rules``.

    Parameters
    ----------
    estimator : object
        An estimator with a class attribute ``_param_rules`` (name -> Rule).

    Raises
    ------
    InvalidParameterError
        Names the parameter, the values it takes and the value found.
    """
    params = estimator.get_params(deep=False)
    for name, rule in estimator._param_rules.items():
        value = params[name]
        if not rule.accepts(value):
            raise InvalidParameterError(
                f"{type(estimator).__name__}: parameter {name!r} must be {rule}; "
                f"got {value!r} of type {type(value).__name__}."
            )
