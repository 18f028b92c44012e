"""Small trials for checks: seeded, of any size, with classes that can be learned."""

from typing import Any

import numpy as np

__all__ = ["make_trials"]


def make_trials(
    n_trials: int = 24,
    n_channels: int = 3,
    n_times: int = 120,
    n_classes: int = 2,
    *,
    kind: str = "trials",
    random_state: Any = 0,
) -> Any:
    """Make trials whose classes differ in power and in spectrum.

    Parameters
    ----------
    n_trials : int, default=24
        Number of trials; classes take turns.
    n_channels : int, default=3
        Number of channels.
    n_times : int, default=120
        Times a trial.
    n_classes : int, default=2
        Number of classes.
    kind : {"trials", "matrices"}, default="trials"
        Return the trials or their covariances.
    random_state : int, default=0
        Seed.

    Returns
    -------
    X : ndarray of shape (n_trials, n_channels, n_times) or \
            (n_trials, n_channels, n_channels)
        Trials or covariances.
    y : ndarray of shape (n_trials,)
        Labels 0 .. n_classes - 1.

    Examples
    --------
    >>> from skgeo.testing import make_trials
    >>> X, y = make_trials(n_trials=6, n_channels=2)
    >>> X.shape, y.tolist()
    ((6, 2, 120), [0, 1, 0, 1, 0, 1])
    """
    rng = np.random.default_rng(random_state)
    y = np.arange(n_trials) % n_classes
    noise = rng.standard_normal((n_trials, n_channels, n_times + 1))
    memory = 0.8 * y / max(n_classes - 1, 1)
    X = noise[:, :, 1:] + memory[:, None, None] * noise[:, :, :-1]
    X[np.arange(n_trials), y % n_channels] *= 2.0
    X = (np.eye(n_channels) + 0.3 * rng.standard_normal((n_channels,) * 2)) @ X
    if kind == "trials":
        return X, y
    C = X @ X.swapaxes(1, 2) / n_times
    return C + 0.05 * np.eye(n_channels), y
