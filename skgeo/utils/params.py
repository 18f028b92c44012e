"""Rules for estimator parameters, checked at the start of ``fit``.

An estimator states its rules once, in a class attribute, and calls
:func:`check_params` first thing in ``fit``::

    class Estimator(BaseEstimator):
        _param_rules = {
            "tol": Real(0.0, closed="neither"),
            "max_iter": Integer(1),
            "shrinkage": Null() | OneOf("auto") | Real(0.0, 1.0),
        }
        _unused_params = (
            Unused("shrinkage", lambda p: p.tol > 1, "tol is above 1"),
        )

A function calls ``check_params("its_name", RULES, {"tol": tol, ...})``.  Either way the
checked values come back as attributes of a namespace, numpy scalars turned into
Python's own numbers: ``np.int8(100)`` then no longer overflows in ``order * lag``.
"""

import functools
import inspect
import math
import numbers
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from skgeo.exceptions import InvalidParameterError, UnusedParameterWarning
from skgeo.utils.warn import warn_user

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
    "Unused",
    "check_params",
]


class Rule:
    """A condition on a value, with words for it; ``a | b`` accepts either."""

    def accepts(self, value):
        """Return whether ``value`` obeys the rule."""
        raise NotImplementedError  # each subclass states its own condition

    def explain(self, value):
        """Say what a refused value should have been."""
        return str(self)

    def __or__(self, other):
        return _Either(self, other)


class _Either(Rule):
    def __init__(self, *rules):
        self.rules = rules

    def accepts(self, value):
        return any(rule.accepts(value) for rule in self.rules)

    def explain(self, value):
        return " or ".join(rule.explain(value) for rule in self.rules)

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
    """A real number in an interval (``closed``: which ends belong to it).

    Zero aside, its magnitude must lie in ``magnitudes``. The default suits numbers
    without units: nobody means anything else, and products of such numbers neither
    vanish nor overflow. Numbers in the units of the data may need a wider range.
    """

    kind = numbers.Real
    noun = "a finite number"

    def __init__(
        self,
        low=-math.inf,
        high=math.inf,
        closed="both",
        *,
        magnitudes=(1e-100, 1e100),
    ):
        super().__init__(low, high, closed)
        self.magnitudes = magnitudes

    def accepts(self, value):
        if not super().accepts(value):
            return False
        smallest, largest = self.magnitudes
        return value == 0 or smallest <= abs(float(value)) <= largest

    def explain(self, value):
        if not super().accepts(value):
            return str(self)
        smallest, largest = self.magnitudes
        return f"{self} of magnitude {smallest:g} to {largest:g}"


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


class Unused(NamedTuple):
    """Parameters that have no effect in some settings.

    Attributes
    ----------
    names : str or tuple of str
        Names of the parameters.
    when : callable
        Takes the namespace of parameters; true where they have no effect.
    because : str
        What makes them idle, for the warning: "selection is not 'average'".
    """

    names: "str | tuple[str, ...]"
    when: "object"
    because: str


def _plain(value):
    """Turn a numpy scalar into Python's own number."""
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        return value.item() if not isinstance(value, np.longdouble) else float(value)
    if isinstance(value, (tuple, list)):
        return (
            type(value)(map(_plain, value)) if type(value) in (tuple, list) else value
        )
    return value


def check_params(owner, rules=None, values=None):
    """Check the parameters of an estimator, or the arguments of a function.

    Parameters
    ----------
    owner : estimator or str
        An estimator with a class attribute ``_param_rules`` (name -> Rule) and, where
        some parameters can be idle, ``_unused_params`` (a tuple of :class:`Unused`);
        or the name of a function, for messages.
    rules : dict of str to Rule, optional
        Rules of the function's arguments.
    values : dict of str to object, optional
        The function's arguments.

    Returns
    -------
    checked : SimpleNamespace
        The values, numpy scalars (and those in tuples and lists) as Python numbers.

    Raises
    ------
    InvalidParameterError
        Names the parameter, the values it takes and the value found.

    Warns
    -----
    UnusedParameterWarning
        If a parameter that differs from its default has no effect.
    """
    if isinstance(owner, str):
        name, unused = owner, ()
    else:
        name, unused = type(owner).__name__, getattr(owner, "_unused_params", ())
        rules = owner._param_rules
        values = {key: getattr(owner, key) for key in _names(type(owner))}
    word = "argument" if isinstance(owner, str) else "parameter"
    for key, rule in rules.items():
        value = values[key]
        if not rule.accepts(value):
            raise InvalidParameterError(
                f"{name}: {word} {key!r} must be {rule.explain(value)}; "
                f"got {value!r} of type {type(value).__name__}."
            )
    checked = SimpleNamespace(**{key: _plain(value) for key, value in values.items()})
    for entry in unused:
        if entry.when(checked):
            _warn_unused(owner, name, entry, checked)
    return checked


@functools.cache
def _names(cls):
    """Names of the parameters: inspecting them takes longer than checking them."""
    return tuple(cls._get_param_names())


@functools.cache
def _defaults(cls):
    """Default of each parameter of an estimator."""
    parameters = inspect.signature(cls.__init__).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def _warn_unused(owner, name, entry, checked):
    """Warn of those parameters of an entry that differ from their defaults."""
    names = (entry.names,) if isinstance(entry.names, str) else entry.names
    defaults = _defaults(type(owner))
    idle = [key for key in names if not _same(getattr(checked, key), defaults[key])]
    if idle:
        warn_user(
            f"{name}: {' and '.join(map(repr, idle))} "
            f"{'has' if len(idle) == 1 else 'have'} no effect because {entry.because}.",
            UnusedParameterWarning,
        )


def _same(value, default):
    """Whether a value is the default (arrays and the like never are)."""
    if value is default:
        return True
    try:
        return bool(type(value) is type(default) and value == default)
    except (TypeError, ValueError):
        return False
