"""EM of mixtures whose covariances share strength with a pooled one.

Scatters S_k of the components (soft size n_k) and the pooled W = sum_k S_k / n give

    Sigma_k = (S_k + nu T) / (n_k + nu) + rho diag(W),     T = (1 - g) W + g diag(W):

nu is a number of points that the target T counts for (the posterior mean under an
inverse-Wishart prior), infinite for one covariance of all components; g shrinks the
target's correlations; rho is a ridge in the units of every column. Scatters may be
full, diagonal or spherical, tails Gaussian or of a t distribution.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from skgeo.kernels import mixture_em

__all__ = [
    "CovarianceModel",
    "Mixture",
    "MixtureFit",
    "fit_mixture",
    "gaussian_log_density",
    "hard_shares",
]

_LOG_2PI = np.log(2 * np.pi)
_FLOOR = 1e-9  # added to variances of standardized columns: a collapse stays finite
_SOFT = 1e-3  # membership that first labels leave to the other components
_BATCH = 500_000  # entries of differences formed at once: calls count for small data
_BURN_IN = 4  # steps before a small gain may end EM
_WIDE = 64  # features from which on matrix products are quicker than the kernel
_SHAPES = {"full": 0, "diag": 1, "spherical": 2}


@dataclass(frozen=True, slots=True)
class CovarianceModel:
    """What is assumed about the covariances and tails of the components.

    Attributes
    ----------
    kind : {"full", "diag", "spherical"}
        Shape of every covariance.
    strength : float
        Points that the pooled covariance counts for (nu); infinite: one covariance.
    diagonal : float
        Shrinkage of the pooled correlations (g), 0 to 1.
    ridge : float
        Ridge as a share of the pooled variance of each column (rho).
    dof : float
        Degrees of freedom of the tails; infinite: Gaussian.
    """

    kind: str = "full"
    strength: float = 1.0
    diagonal: float = 0.0
    ridge: float = 0.0
    dof: float = np.inf

    def __str__(self):
        name = "tied" if self.kind == "full" and np.isinf(self.strength) else self.kind
        words = [f"{name}, strength {self.strength:g}"]
        if self.diagonal:
            words.append(f"diagonal share {self.diagonal:g}")
        if self.ridge:
            words.append(f"ridge {self.ridge:g}")
        if np.isfinite(self.dof):
            words.append(f"t tails ({self.dof:g})")
        return ", ".join(words)

    def n_parameters(self, sizes, d):
        """Effective number: a covariance shrunk towards the pooled counts in part."""
        each = {"full": d * (d + 1) / 2, "diag": d, "spherical": 1}[self.kind]
        own = 0.0
        if np.isfinite(self.strength):
            own = float(np.mean(sizes / (sizes + self.strength)))
        return each * (1 + (len(sizes) - 1) * own)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights (K,), means (K, d), covariances (K, d, d), dof of the tails."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    dof: float = np.inf

    def joint(self, X):
        """Log of weight times density, shape (n, K)."""
        density, _ = _log_density(X, self.means, self.covariances, self.dof)
        return density + np.log(self.weights)

    def sample(self, n_samples, rng):
        """Draw points and their components."""
        K, d = self.means.shape
        y = rng.choice(K, n_samples, p=self.weights)
        noise = rng.standard_normal((n_samples, d))
        if np.isfinite(self.dof):
            stretch = rng.chisquare(self.dof, n_samples) / self.dof
            noise /= np.sqrt(stretch)[:, None]
        L = np.linalg.cholesky(self.covariances)
        return self.means[y] + np.einsum("nij,nj->ni", L[y], noise), y


@dataclass(frozen=True, slots=True)
class MixtureFit:
    """Outcome of EM under a model.

    ``objective`` is the trace of the log-likelihood, ``penalized`` its last value with
    the penalty of the model: what starts are compared by.
    """

    mixture: Mixture
    model: CovarianceModel
    shares: np.ndarray
    labels: np.ndarray
    objective: np.ndarray
    penalized: float
    converged: bool
    start: str = ""

    @property
    def whole(self):
        """Whether every component is the likeliest of some point."""
        return len(np.unique(self.labels)) == len(self.mixture.weights)


def _batches(X, n_clusters):
    """Components whose differences to all points are formed at once."""
    width = max(1, _BATCH // max(X.size, 1))
    return [slice(k, k + width) for k in range(0, n_clusters, width)]


def _diagonals(matrices):
    """View of the diagonals, (K, d), of contiguous matrices."""
    return np.einsum("kii->ki", matrices)


def _log_density(X, means, covariances, dof=np.inf):
    """Log densities (n, K) and squared Mahalanobis distances."""
    d = X.shape[1]
    L = np.linalg.cholesky(covariances)
    inverse = np.linalg.inv(L)
    square = np.empty((len(X), len(means)))
    for some in _batches(X, len(means)):
        white = (X - means[some, None]) @ inverse[some].transpose(0, 2, 1)
        square[:, some] = np.einsum("kij,kij->ik", white, white)
    logdet = 2 * np.log(np.einsum("kii->ki", L)).sum(axis=1)
    if np.isinf(dof):
        return -0.5 * (square + logdet + d * _LOG_2PI), square
    tails = 0.5 * (dof + d) * np.log1p(square / dof)
    return _constant(d, dof) - 0.5 * logdet - tails, square


def _constant(d, dof):
    """What of a log density depends on neither point nor component."""
    if np.isinf(dof):
        return -0.5 * d * _LOG_2PI
    constant = gammaln(0.5 * (dof + d)) - gammaln(0.5 * dof)
    return constant - 0.5 * d * np.log(dof * np.pi)


def gaussian_log_density(X, means, covariances):
    """Log densities of points under Gaussians, shape (n, K)."""
    return _log_density(X, means, np.asarray(covariances))[0]


def hard_shares(labels, n_clusters):
    """Memberships that follow labels, nearly."""
    shares = np.full((len(labels), n_clusters), _SOFT / n_clusters)
    shares[np.arange(len(labels)), labels] += 1 - _SOFT
    return shares


def _scatters(X, means, weights, kind):
    """Weighted scatters about the means, (K, d, d)."""
    K, d = means.shape
    out = np.zeros((K, d, d))
    for some in _batches(X, K):
        away = X - means[some, None]
        if kind == "full":
            weighted = (away * weights.T[some, :, None]).transpose(0, 2, 1)
            np.matmul(weighted, away, out=out[some])
            continue
        variances = np.einsum("ik,kij->kj", weights[:, some], away * away)
        if kind == "spherical":
            variances[:] = variances.mean(axis=1, keepdims=True)
        _diagonals(out[some])[:] = variances
    return out


def _covariances(scatters, sizes, n, model, floor):
    """Covariances of a model, its target and the diagonal of the pooled one."""
    pooled = scatters.sum(axis=0) / n
    variances = pooled.diagonal().copy()
    target = pooled
    if model.diagonal > 0:
        target = (1 - model.diagonal) * pooled
        np.fill_diagonal(target, variances)
    if np.isinf(model.strength):
        covariances = np.repeat(target[None], len(sizes), axis=0)
    else:
        weight = (sizes + model.strength)[:, None, None]
        covariances = (scatters + model.strength * target) / weight
    diagonals = _diagonals(covariances)
    diagonals += model.ridge * variances
    diagonals *= 1 + _FLOOR
    diagonals += _FLOOR + floor
    return covariances, target, variances


def _penalty(model, mixture, target, variances, sizes):
    """What the model's prior takes off the log-likelihood."""
    d = len(target)
    inverse = np.linalg.inv(mixture.covariances)
    total = 0.0
    if np.isfinite(model.strength) and model.strength > 0:
        products = np.einsum("kij,ji->k", inverse, target)
        sign, logdet = np.linalg.slogdet(inverse @ target)
        if np.all(sign > 0):
            divergence = (products - logdet - d).sum()
            if model.kind == "spherical":
                divergence /= d
            total += 0.5 * model.strength * divergence
        else:
            total += np.inf
    if model.ridge > 0:
        shares = np.einsum("kii,i->k", inverse, variances)
        total += 0.5 * model.ridge * (sizes @ shares)
    return total


def _array_steps(X, shares, model, floor, max_iter, tol):
    """EM in array form; None where a covariance is singular."""
    n, d = X.shape
    tiny = 10 * np.finfo(float).eps
    downweight = np.ones_like(shares)
    objective, converged = [], False
    for step in range(max_iter):
        sizes = shares.sum(axis=0) + tiny
        weights = shares * downweight
        masses = weights.sum(axis=0) + tiny
        means = (weights.T @ X) / masses[:, None]
        scatters = _scatters(X, means, weights, model.kind)
        covariances, target, variances = _covariances(scatters, sizes, n, model, floor)
        try:
            density, square = _log_density(X, means, covariances, model.dof)
        except np.linalg.LinAlgError:
            return None
        joint = density + np.log(sizes / sizes.sum())
        # Once for evidence and shares: a general log-sum-exp takes half of the time.
        top = joint.max(axis=1)
        shares = np.exp(joint - top[:, None])
        total = shares.sum(axis=1)
        evidence = np.log(total) + top
        if not np.isfinite(evidence).all():
            return None
        shares /= total[:, None]
        if np.isfinite(model.dof):
            downweight = (model.dof + d) / (model.dof + square)
        objective.append(float(evidence.sum()))
        if step >= _BURN_IN and abs(objective[-1] - objective[-2]) < tol:
            converged = True
            break
    return shares, sizes, means, covariances, target, variances, objective, converged


def _compiled_steps(X, shares, model, floor, max_iter, tol):
    """The same in one kernel."""
    d, K = X.shape[1], shares.shape[1]
    shares = np.array(shares.T, order="C")
    means, covariances = np.empty((K, d)), np.empty((K, d, d))
    target, sizes, objective = np.empty((d + 1, d)), np.empty(K), np.empty(max_iter)
    n_iter, converged = mixture_em.em(
        np.ascontiguousarray(X.T),
        shares,
        _SHAPES[model.kind],
        float(model.strength),
        float(model.diagonal),
        float(model.ridge),
        float(model.dof),
        float(_constant(d, model.dof)),
        np.broadcast_to(np.asarray(floor, dtype=float), (d,)).copy(),
        _FLOOR,
        10 * np.finfo(float).eps,
        max_iter,
        _BURN_IN,
        tol,
        means,
        covariances,
        target,
        sizes,
        objective,
    )
    if n_iter < 0:
        return None
    objective = objective[:n_iter].tolist()
    shares = np.ascontiguousarray(shares.T)
    return (
        shares, sizes, means, covariances, target[:d], target[d], objective, converged
    )  # fmt: skip


def fit_mixture(X, shares, model, *, floor=0.0, max_iter=100, tol=1e-5, start=""):
    """Run EM from memberships; None where a covariance is singular.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Standardized points.
    shares : ndarray of shape (n, K)
        First memberships.
    model : CovarianceModel
        Assumptions.
    floor : float or ndarray of shape (d,)
        Variance that every component has in addition, of each column: that of the
        rounding of values on a grid.
    max_iter : int
        Maximum number of steps.
    tol : float
        Stops when the log-likelihood per point changes by less.
    start : str
        Name of the start.

    Returns
    -------
    fit : MixtureFit or None
        The outcome.
    """
    d = X.shape[1]
    steps = _compiled_steps if d < _WIDE else _array_steps
    found = steps(X, shares, model, floor, max_iter, tol * len(X))
    if found is None:
        return None
    shares, sizes, means, covariances, target, variances, objective, converged = found
    mixture = Mixture(sizes / sizes.sum(), means, covariances, model.dof)
    penalty = _penalty(model, mixture, target, variances, sizes)
    return MixtureFit(
        mixture=mixture,
        model=model,
        shares=shares,
        labels=np.argmax(shares, axis=1),
        objective=np.array(objective),
        penalized=objective[-1] - penalty,
        converged=converged,
        start=start,
    )
