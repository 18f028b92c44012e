"""From trials to the matrices of each embedding, one after another."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skgeo.eeg._solvers import block_toeplitz, riemann
from skgeo.eeg._solvers.covariances import (
    augmented_covariances,
    shared_scaling,
    toeplitz_blocks,
)
from skgeo.eeg._solvers.filters import bandpass
from skgeo.eeg._solvers.running_mean import RunningBuresMean, RunningRiemannMean
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.warn import warn_user

__all__ = [
    "CovarianceSource",
    "MeanSettings",
    "RecenteredSource",
    "RecenteredTraining",
    "SourceMember",
    "Training",
]

# Bytes that the matrices of a chunk of trials take, with what is derived from them.
_CHUNK_BYTES = 128e6

# Trials that the mean of all training trials counts for, where the domain to predict
# has shown none. Chosen on four people (SSVEP, trial by trial), confirmed on three.
_PRIOR_WEIGHT = 1.0

# Fraction of eigenvalues beyond the end of their geodesics that is worth a warning.
_CLIPPED = 0.01


class SourceMember(NamedTuple):
    """An embedding of one band of the signal.

    Parameters
    ----------
    index : int
        Position of the band in a filter bank.
    band : (float, float) or None
        Band in Hz to filter 3-D trials with.
    order, lag : int
        Embedding.
    """

    index: int
    band: tuple | None
    order: int
    lag: int


@dataclass(frozen=True, slots=True)
class CovarianceSource:
    """Matrices of several embeddings.

    Attributes
    ----------
    members : tuple of SourceMember
        Embeddings; those of one band follow each other.
    settings : CovarianceSettings
        How covariances are estimated.
    metric : {"riemann", "block-toeplitz"}
        Dense covariances, or the blocks of block-Toeplitz ones.
    sfreq : float or None
        Sampling frequency in Hz.
    n_jobs : int or None
        Threads over trials.
    """

    members: tuple
    settings: object
    metric: str
    sfreq: float | None
    n_jobs: int | None

    def each(self, X):
        """Yield the matrices of validated trials, embedding by embedding.

        Parameters
        ----------
        X : ndarray of shape (n_trials, n_channels, n_times) or 4-D
            Trials; 4-D ones are filtered already, the filters in the last axis.

        Yields
        ------
        matrices : ndarray of shape (n_trials, d, d) or (n_trials, order, c, c)
            Matrices.
        """
        dense = self.metric != "block-toeplitz"
        index, signal, scaled = None, None, None
        for member in self.members:
            if member.index != index:
                index = member.index
                if X.ndim == 4:
                    signal = np.ascontiguousarray(X[..., index])
                elif member.band is None:
                    signal = X
                else:
                    signal = bandpass(X, self.sfreq, member.band)
                scaled = shared_scaling(signal, self.settings) if dense else None
            order, lag = member.order, member.lag
            if dense:
                yield augmented_covariances(
                    signal,
                    order,
                    lag,
                    self.settings,
                    n_jobs=self.n_jobs,
                    scaled=scaled,
                )
            else:
                yield toeplitz_blocks(signal, order, lag, self.settings)

    def per_chunk(self, n_channels):
        """Number of trials whose matrices fit into a chunk."""
        rows = max(member.order for member in self.members) * n_channels
        return max(16, int(_CHUNK_BYTES / (8 * 8 * rows**2)))


class Training:
    """Training trials and the source of their matrices.

    Parameters
    ----------
    source : CovarianceSource
        Where the matrices come from.
    X : ndarray
        Trials.
    """

    def __init__(self, source, X):
        self.source, self.X = source, X

    def training(self, part=None):
        """Yield the matrices of all trials, or of some, to learn from."""
        return self.source.each(self.X if part is None else self.X[part])

    def keep_first(self, count):
        """Forget all embeddings but the first ones: a callback has stopped there."""
        members = self.source.members[:count]
        self.source = replace(self.source, members=members)

    def training_again(self, part=None):
        """Yield the matrices that :meth:`training` gave."""
        return self.training(part)

    def chunks(self):
        """Yield slices of the trials with an iterable of their matrices."""
        step = self.source.per_chunk(self.X.shape[1])
        for start in range(0, len(self.X), step):
            chunk = slice(start, start + step)
            yield chunk, self._matrices(chunk)

    def _matrices(self, chunk):
        return self.source.each(self.X[chunk])

    def strata(self, codes):
        """Groups of which a representative part must have some."""
        return codes


class RecenteredTraining(Training):
    """Training trials whose domains' means move to the identity.

    Parameters
    ----------
    source : CovarianceSource
        Where the matrices come from.
    X : ndarray
        Trials.
    domains : ndarray of int
        Domain of each trial; -1 are labeled trials of the domain to predict.
    weight : ndarray of shape (n_trials,)
        Weights.
    X_target : ndarray or None
        Trials of the domain to predict; without them it is centered like all
        training trials together.
    means : MeanSettings
        Geometry and tolerance of the means.
    """

    def __init__(self, source, X, domains, weight, X_target, means):
        super().__init__(source, X)
        self.domains, self.weight = domains, weight
        self.X_target, self.means = X_target, means
        self.moves = [{} for _ in source.members]
        self.target_means = [None] * len(source.members)

    def training(self, part=None):
        """Learn the means of the domains and yield the recentered matrices."""
        part = np.arange(len(self.X)) if part is None else part
        domains, weight = self.domains[part], self.weight[part]
        targets = iter(())
        if self.X_target is not None:
            targets = self.source.each(self.X_target)
        for q, matrices in enumerate(self.source.each(self.X[part])):
            if self.X_target is None:
                mean = mean_of(matrices, weight, self.means)
                mean.total_weight = _PRIOR_WEIGHT
            else:
                target = next(targets)
                mean = mean_of(target, np.ones(len(target)), self.means)
            self.target_means[q] = mean
            for domain in np.unique(domains):
                member = domains == domain
                if domain >= 0:
                    mean = mean_of(matrices[member], weight[member], self.means)
                else:
                    mean = self.target_means[q]
                self.moves[q][domain] = move_of(mean)
            yield self._recentered(q, matrices, domains)

    def training_again(self, part=None):
        """Yield the matrices that :meth:`training` gave."""
        part = slice(None) if part is None else part
        return self._matrices(part)

    def _matrices(self, chunk):
        domains = self.domains[chunk]
        for q, matrices in enumerate(self.source.each(self.X[chunk])):
            yield self._recentered(q, matrices, domains)

    def _recentered(self, q, matrices, domains):
        out = np.empty_like(matrices)
        for domain in np.unique(domains):
            member = domains == domain
            out[member] = self.moves[q][domain](matrices[member])
        return out

    def strata(self, codes):
        """Classes within domains."""
        return (self.domains + 1) * (codes.max() + 1) + codes


class RecenteredSource:
    """Matrices of a source, the mean of the domain to predict moved to the identity.

    Parameters
    ----------
    source : CovarianceSource
        Where the matrices come from.
    means : list of RunningRiemannMean or RunningBuresMean
        Mean of the domain to predict, per embedding.
    settings : MeanSettings
        Geometry and tolerance of means.
    """

    def __init__(self, source, means, settings):
        self.source, self.means, self.settings = source, means, settings
        self.moves = [move_of(mean) for mean in means]

    def each(self, X):
        """Yield recentered matrices, embedding by embedding."""
        for matrices, move in zip(self.source.each(X), self.moves, strict=True):
            yield move(matrices)

    def per_chunk(self, n_channels):
        """Number of trials whose matrices fit into a chunk."""
        return self.source.per_chunk(n_channels)

    def restart(self, X):
        """Forget the domain to predict and take the mean of these trials."""
        weight = np.ones(len(X))
        self.means = [mean_of(C, weight, self.settings) for C in self.source.each(X)]
        self.moves = [move_of(mean) for mean in self.means]

    def update(self, X):
        """Move the mean of the domain to predict by the share of these trials.

        Returns
        -------
        share : float
            Share of these trials in the mean.
        """
        weight = np.ones(len(X))
        for mean, matrices in zip(self.means, self.source.each(X), strict=True):
            mean.update(matrices if matrices.ndim == 3 else matrices[:, 0], weight)
        self.moves = [move_of(mean) for mean in self.means]
        return len(X) / self.means[0].total_weight


@dataclass(frozen=True, slots=True)
class MeanSettings:
    """How the means of domains are found.

    Attributes
    ----------
    metric : {"riemann", "bures-wasserstein"}
        Geometry.
    tol : float
        Tolerance.
    """

    metric: str
    tol: float


def mean_of(matrices, weight, settings):
    """Mean of matrices, ready to run on.

    Parameters
    ----------
    matrices : ndarray of shape (n, d, d) or (n, p, c, c)
        Covariances, or block-Toeplitz ones, whose diagonal blocks are averaged.
    weight : ndarray of shape (n,)
        Weights.
    settings : MeanSettings
        Geometry and tolerance.

    Returns
    -------
    mean : RunningRiemannMean or RunningBuresMean
        The mean; its weight is that of all matrices.
    """
    P = matrices if matrices.ndim == 3 else matrices[:, 0]
    if settings.metric == "bures-wasserstein":
        mean, name = RunningBuresMean(tol=settings.tol), "Bures-Wasserstein"
    else:
        mean, name = RunningRiemannMean(tol=settings.tol), "Riemannian"
    with single_blas_thread():
        mean.start(P, weight)
    if not mean.converged:
        warn_user(
            f"A {name} mean of a domain missed tol={settings.tol:.1e}. The matrices "
            "are badly conditioned: regularize them more, or accept it by a larger "
            "tol.",
            ConvergenceWarning,
        )
    return mean


def move_of(mean):
    """Return the map that moves a mean to the identity.

    Parameters
    ----------
    mean : RunningRiemannMean or RunningBuresMean
        A mean.

    Returns
    -------
    move : callable
        Takes covariances, or block-Toeplitz blocks, and returns them moved.
    """
    if isinstance(mean, RunningBuresMean):
        return Transport(mean)
    # The symmetric root: domains must not be turned against each other.
    root = riemann.symmetric_whitener(mean.whitener)[0]
    return Congruence(root)


@dataclass(frozen=True)
class Transport:
    """Move covariances along the Bures-Wasserstein geometry of their mean.

    Attributes
    ----------
    mean : RunningBuresMean
        The mean.
    """

    mean: object

    def __call__(self, matrices):
        """Covariances around the identity, of the shape given."""
        moved = self.mean.recenter(matrices)
        if self.mean.clipped > _CLIPPED:
            warn_user(
                "Some trials lie so far from the mean of their domain that the "
                "Bures-Wasserstein geometry has no place for them, and were clipped. "
                "Use metric='riemann', or leave the trials out (TrialRejector)."
            )
        return moved


@dataclass(frozen=True)
class Congruence:
    """Congruence of covariances or of block-Toeplitz blocks by a symmetric root.

    Attributes
    ----------
    root : ndarray of shape (d, d) or (c, c)
        Symmetric root.
    """

    root: np.ndarray

    def __call__(self, matrices):
        """``root C root``, symmetric to the last bit."""
        if matrices.ndim == 4:
            return block_toeplitz.whiten(matrices, self.root)
        out = self.root @ matrices @ self.root
        return (out + out.swapaxes(1, 2)) / 2
