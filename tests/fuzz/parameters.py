"""Values at the ends of what the rules of a parameter allow, and beyond."""

import math

import numpy as np

from skgeo.utils import params


def _integers(rule):
    low = int(rule.low) if math.isfinite(rule.low) else -2
    yield from (low - 1, low, low + 1, low + 2, 0, -1, 5)
    yield from (np.int8(low + 1), np.uint64(max(low, 0) + 1), np.int16(100), 2.0, True)
    if math.isfinite(rule.high):
        yield from (int(rule.high), int(rule.high) + 1)


def _reals(rule):
    for end in (rule.low, rule.high):
        if math.isfinite(end):
            yield from (end, np.nextafter(end, math.inf), np.nextafter(end, -math.inf))
    yield from (0, 0.1, 0.5, 1.0, 2.0, 10.0, np.float32(0.3), np.int8(1))
    yield from (5e-324, 1e-300, 1e-90, 1e-12, 1e12, 1e90, 1e300, -1.0)
    yield from (math.nan, math.inf)


def values(rule):
    """List values to try for a rule."""
    if isinstance(rule, params._Either):
        return [v for part in rule.rules for v in values(part)]
    if isinstance(rule, params.Integer):
        return list(_integers(rule))
    if isinstance(rule, params.Real):
        return list(_reals(rule))
    if isinstance(rule, params.OneOf):
        return [*rule.options, "nonsense"]
    if isinstance(rule, params.Boolean):
        return [True, False, 1]
    if isinstance(rule, params.Null):
        return [None]
    if isinstance(rule, params.SequenceOf):
        inner = values(rule.rule)
        return [inner[:1], tuple(inner[:2]), inner[1:4], []]
    if isinstance(rule, params.RandomState):
        return [0, None, np.random.RandomState(0), -1]
    return []


# Parameters that only make a fit longer, or that ask for packages or processes.
LEFT_ALONE = {"max_iter", "max_nodes", "n_jobs", "max_time", "verbose"}


def drawn(rng, cls):
    """Draw values for up to three parameters of an estimator."""
    rules = {k: r for k, r in cls._param_rules.items() if k not in LEFT_ALONE}
    rules = {k: found for k, r in rules.items() if (found := values(r))}
    n = int(rng.choice([0, 0, 1, 1, 1, 2, 3]))
    names = rng.permutation(sorted(rules))[:n]
    chosen = {}
    for name in names:
        options = rules[name]
        chosen[str(name)] = options[rng.integers(len(options))]
    return chosen
