"""Covariances of delay-embedded trials as pure functions of trials and settings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import effective_n_jobs

from skgeo.eeg._solvers import lagged
from skgeo.utils.parallel import chunk_slices, map_threads, single_blas_thread

__all__ = [
    "CovarianceSettings",
    "LaggedProducts",
    "augmented_covariances",
    "check_settings",
    "embedding_window",
    "shared_scaling",
    "toeplitz_blocks",
    "uniform_delays",
]

# Estimators that follow from lagged products; the others need the embedded signal.
_DIRECT = ("cov", "scm", "oas", "lwf")
_SELF_REGULARIZED = ("oas", "lwf", "sch", "mcd", "hub", "stu", "tyl")

# Bytes of trials up to which a centered copy is kept for all embeddings.
_MAX_SCALED = 64e6

# Squares of signals outside this range leave the range of floating point.
_MAX_EXPONENT = 500


@dataclass(frozen=True, slots=True)
class CovarianceSettings:
    """How a covariance is estimated, whatever the embedding.

    Attributes
    ----------
    edge : {"valid", "moabb", "wrap"}
        Ends of the trials.
    estimator : str or callable
        Covariance estimator.
    shrinkage : {"diagonal", "auto"}, None or float
        Shrinkage on top of the estimator.
    block_toeplitz : bool
        Estimate every lag once, biased.
    """

    edge: str = "valid"
    estimator: Any = "scm"
    shrinkage: Any = "diagonal"
    block_toeplitz: bool = False

    @property
    def regularizes_itself(self):
        """Whether the estimator shrinks by its own rule."""
        return self.estimator in _SELF_REGULARIZED


def uniform_delays(order, lag):
    """List the delays of an embedding.

    Parameters
    ----------
    order, lag : int
        Embedding.

    Returns
    -------
    delays : tuple of int
        ``0, lag, ..., (order - 1) lag``.
    """
    return tuple(i * lag for i in range(order))


def check_settings(settings, delays=None):
    """Refuse settings that contradict each other.

    Parameters
    ----------
    settings : CovarianceSettings
        Settings, each valid by itself.
    delays : sequence of int, optional
        Delays that replace a uniform embedding.

    Raises
    ------
    ValueError
        Names the settings that do not go together.
    """
    if settings.block_toeplitz and settings.estimator not in ("scm", "oas"):
        raise ValueError(
            "block_toeplitz=True is the biased lagged estimator and takes "
            f"estimator='scm' or 'oas'; got {settings.estimator!r}."
        )
    if delays is None:
        return
    if delays[0] != 0 or not (np.diff(delays) > 0).all():
        raise ValueError(
            f"delays must ascend from 0 without repetition; got {tuple(delays)}."
        )
    if settings.block_toeplitz or settings.edge == "moabb":
        raise ValueError(
            "delays takes edge='valid' or 'wrap' and block_toeplitz=False; got "
            f"edge={settings.edge!r}, block_toeplitz={settings.block_toeplitz}."
        )


def embedding_window(n_times, order, lag, settings, delays=None):
    """Return the number of embedded samples, or say why there are too few.

    Parameters
    ----------
    n_times : int
        Samples in a trial.
    order, lag : int
        Embedding.
    settings : CovarianceSettings
        Settings.
    delays : sequence of int, optional
        Delays that replace ``order`` and ``lag``.

    Returns
    -------
    n_window : int
        Number of embedded samples, at least 2.

    Raises
    ------
    ValueError
        If the trials are too short.
    """
    if delays is None:
        edge = "wrap" if settings.block_toeplitz else settings.edge
        return lagged.check_window(n_times, order, lag, edge)
    longest = delays[-1]
    n_window = n_times if settings.edge == "wrap" else n_times - longest
    if n_window < 2 or longest >= n_times:
        raise ValueError(
            f"delays={tuple(delays)} span {longest} samples and leave fewer than 2 "
            f"of the {n_times} times a trial has. Drop the longest delays, or "
            "pass longer trials."
        )
    return n_window


def shared_scaling(X, settings):
    """Center and scale trials once for several embeddings, where that pays.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Finite trials.
    settings : CovarianceSettings
        Settings.

    Returns
    -------
    scaled : tuple of ndarray or None
        Trials and exponents for :func:`augmented_covariances`; None for trials that
        take much memory and for estimators that see the signal itself.
    """
    direct = settings.block_toeplitz or settings.estimator in _DIRECT
    return _scaled(X) if direct and X.nbytes <= _MAX_SCALED else None


def augmented_covariances(
    X, order, lag, settings, *, delays=None, n_jobs=None, scaled=None
):
    """Covariances of delay-embedded trials.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Finite trials.
    order, lag : int
        Embedding.
    settings : CovarianceSettings
        Settings.
    delays : sequence of int, optional
        Delays that replace ``order`` and ``lag``.
    n_jobs : int or None, default=None
        Threads over trials.
    scaled : tuple of ndarray, optional
        What :func:`shared_scaling` returned for these trials.

    Returns
    -------
    C : ndarray of shape (n_trials, n_delays * n_channels, n_delays * n_channels)
        Covariances.

    Raises
    ------
    ValueError
        If a trial is flat, its squares leave floating point, or the estimator fails.
    """
    n_window = embedding_window(X.shape[2], order, lag, settings, delays)
    d = (order if delays is None else len(delays)) * X.shape[1]
    C = np.empty((len(X), d, d))
    # Chunks of a megabyte or two stay in cache from the centering to the products.
    per_chunk = max(1, 2**18 // (X.shape[1] * X.shape[2]))
    n_jobs = effective_n_jobs(n_jobs)
    parts = chunk_slices(len(X), max(-(-len(X) // per_chunk), n_jobs))
    direct = settings.block_toeplitz or settings.estimator in _DIRECT
    fill = _fill_directly if direct else _fill_by_embedding
    args = order, lag, settings, delays, n_window
    if scaled is None:
        tasks = [(X[part], *args, C[part]) for part in parts]
    else:
        tasks = [
            (X[part], *args, C[part], (scaled[0][part], scaled[1][part]))
            for part in parts
        ]
    if n_jobs == 1:
        with single_blas_thread():
            for task in tasks:
                fill(*task)
    else:
        map_threads(lambda task: fill(*task), tasks, n_jobs, shared_memory=True)
    _refuse_flat(np.trace(C, axis1=1, axis2=2))
    if not np.isfinite(C).all():
        raise ValueError(
            f"estimator={settings.estimator!r} returned NaN or infinity for "
            f"{int((~np.isfinite(C)).any(axis=(1, 2)).sum())} trial(s), as it does "
            "for channels without variation. Drop those channels or use "
            "estimator='scm' with shrinkage='diagonal'."
        )
    return C


def toeplitz_blocks(X, order, lag, settings):
    """Blocks (0, k) of block-Toeplitz covariances, without the others.

    Parameters
    ----------
    X : ndarray of shape (n_trials, n_channels, n_times)
        Finite trials.
    order, lag : int
        Embedding.
    settings : CovarianceSettings
        Settings.

    Returns
    -------
    R : ndarray of shape (n_trials, order, n_channels, n_channels)
        Blocks, the covariances' first block row.
    """
    n_times = embedding_window(X.shape[2], order, lag, settings)
    scaled, exponent = _scaled(X)
    R = lagged.lag_blocks(scaled, order, lag) / n_times
    _refuse_flat(np.trace(R[:, 0], axis1=1, axis2=2))
    if settings.estimator == "oas":
        R = lagged.shrink_blocks(R, n_times)
    elif settings.shrinkage in ("auto", "diagonal"):
        R = lagged.shrink_blocks(R, n_times, diagonal=settings.shrinkage == "diagonal")
    if settings.shrinkage and not isinstance(settings.shrinkage, str):
        R = lagged.shrink_blocks(R, rho=settings.shrinkage)
    return np.ldexp(R.swapaxes(2, 3), 2 * exponent[:, None, None, None])


@dataclass(frozen=True, slots=True)
class LaggedProducts:
    """Lagged products of trials, for the covariances of many embeddings.

    Attributes
    ----------
    scaled, exponent : ndarray
        The centered, scaled trials.
    bank : dict of int to ndarray of shape (n_trials, n_channels, n_channels)
        Shift -> products of the trials with themselves over all samples.
    settings : CovarianceSettings
        Settings.
    """

    scaled: np.ndarray
    exponent: np.ndarray
    bank: dict
    settings: CovarianceSettings

    @staticmethod
    def serve(settings):
        """Whether covariances of these settings follow from the products."""
        direct = settings.estimator in ("scm", "cov", "oas")
        return direct and settings.edge != "wrap" and not settings.block_toeplitz

    @classmethod
    def build(cls, X, points, settings):
        """Compute the products that a list of (order, lag) needs."""
        scaled, exponent = _scaled(X)
        _refuse_flat(np.einsum("nct,nct->n", scaled, scaled))
        shifts = sorted({k * lag for order, lag in points for k in range(order)})
        n_times = X.shape[2]
        bank = {
            k: scaled[:, :, k:] @ scaled[:, :, : n_times - k].swapaxes(1, 2)
            for k in shifts
        }
        return cls(scaled, exponent, bank, settings)

    def covariances(self, order, lag):
        """Return the covariances of one embedding."""
        n_times = self.scaled.shape[2]
        n_window = embedding_window(n_times, order, lag, self.settings)
        base = np.stack([self.bank[k * lag] for k in range(order)], axis=1)
        for k in range(order):
            # Subtract the samples behind the window.
            first = self.scaled[:, :, k * lag + n_window :]
            second = self.scaled[:, :, n_window : n_times - k * lag]
            if second.shape[2]:
                base[:, k] -= first @ second.swapaxes(1, 2)
        C = lagged.augmented_scatter(self.scaled, order, lag, n_window, base)
        _finish(
            self.scaled, self.exponent, order, lag, self.settings, None, n_window, C
        )
        return C


def _refuse_flat(traces):
    flat = np.flatnonzero(traces == 0)
    if len(flat):
        raise ValueError(
            f"X holds {len(flat)} trial(s) in which no channel varies (first at "
            f"index {flat[0]}): they have no covariance. Drop them."
        )


def _scaled(X):
    scaled, exponent = lagged.center_and_scale(X)
    if np.abs(exponent).max() > _MAX_EXPONENT:
        raise ValueError(
            f"X has amplitudes around 2**{exponent[np.abs(exponent).argmax()]}: "
            "their squares leave the range of floating point. Rescale the trials."
        )
    return scaled, exponent


def _fill_directly(X, order, lag, settings, delays, n_window, C, scaled=None):
    X, exponent = _scaled(X) if scaled is None else scaled
    if settings.block_toeplitz:
        C[:] = lagged.block_toeplitz_scatter(X, order, lag)
    elif delays is not None:
        Z = lagged.embed(X, delays, n_window, wrap=settings.edge == "wrap")
        lagged.center_rows(Z)
        np.matmul(Z, Z.swapaxes(1, 2), out=C)
    elif settings.edge == "wrap":
        C[:] = lagged.wrapped_scatter(X, order, lag)
    else:
        lagged.augmented_scatter(X, order, lag, n_window, out=C)
    # Zero traces are refused by the caller, after all chunks.
    _finish(X, exponent, order, lag, settings, delays, n_window, C)


def _finish(X, exponent, order, lag, settings, delays, n_window, C):
    """Turn scatter matrices into the estimator's covariances, in place."""
    divisor = n_window - 1 if settings.estimator == "cov" else n_window
    factor = np.ldexp(1.0 / divisor, 2 * exponent)
    if settings.estimator == "lwf":
        if settings.edge == "wrap" or delays is not None:
            delays = uniform_delays(order, lag) if delays is None else delays
            X = lagged.embed(X, delays, n_window, wrap=settings.edge == "wrap")
            order, lag = 1, 1
        rho = lagged.ledoit_wolf_shrinkage(X, C / n_window, order, lag, n_window)
        lagged.shrink(C, rho, factor, out=C)
    elif settings.estimator == "oas" or settings.shrinkage == "auto":
        lagged.shrink(C, lagged.oas_shrinkage(C, n_window), factor, out=C)
    elif settings.shrinkage == "diagonal":
        lagged.shrink_to_diagonal(C, n_window, factor=factor, out=C)
    else:
        C *= np.asarray(factor)[:, None, None]
    if settings.shrinkage and not isinstance(settings.shrinkage, str):
        lagged.shrink(C, settings.shrinkage, out=C)


def _fill_by_embedding(X, order, lag, settings, delays, n_window, C):
    from pyriemann.estimation import Covariances

    delays = uniform_delays(order, lag) if delays is None else delays
    Z = lagged.embed(X, delays, n_window, wrap=settings.edge == "wrap")
    with np.errstate(all="ignore"):  # the caller checks what comes out
        try:
            C[:] = Covariances(estimator=settings.estimator).transform(Z)
        except Exception as error:  # whatever an estimator of someone else raises
            raise ValueError(
                f"estimator={settings.estimator!r} cannot be used on these trials: "
                f"{type(error).__name__}: {error}"
            ) from error
    if not settings.regularizes_itself:
        if settings.shrinkage == "auto":
            lagged.shrink(C, lagged.oas_shrinkage(C, n_window), out=C)
        elif settings.shrinkage == "diagonal":
            lagged.shrink_to_diagonal(C, n_window, out=C)
    if settings.shrinkage and not isinstance(settings.shrinkage, str):
        lagged.shrink(C, settings.shrinkage, out=C)
