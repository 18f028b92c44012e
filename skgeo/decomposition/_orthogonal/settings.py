"""How the steps of a stream are done."""

from dataclasses import dataclass

__all__ = ["Settings", "usual_batch"]

# Longest steps: weight of a new gradient and step length for every 2 n rows.
_LARGEST_RHO, _LARGEST_GAMMA = 0.3, 0.4


@dataclass(frozen=True)
class Settings:
    """How the steps are done.

    Attributes
    ----------
    p : int
        Exponent of the objective, 3 or 4.
    gradient_weight, step_size : float
        Constants of the weight of a new gradient and of the step.
    decay : bool
        Whether they are divided by (t + 1)^(1/2) and (t + 2)^(3/4).
    curvature_shift : float
        Share of the common curvature that is taken off, in [0, 1].
    center, whiten : bool
        Whether to take off the running mean, to divide by the root of the running
        covariance.
    clip_norm : float or None
        Rows longer than this many median lengths are scaled back.
    replays : int
        Batches seen before to go over again after a new one, while the gap is large.
    n_components : int or None
        Dimension of the principal subspace that atoms are looked for in; None for all.
    """

    p: int = 3
    gradient_weight: float = 4.0
    step_size: float = 1.0
    decay: bool = True
    curvature_shift: float = 0.9
    center: bool = False
    whiten: bool = False
    clip_norm: float | None = None
    replays: int = 0
    n_components: int | None = None

    def rates(self, clock, share):
        """Weight of the gradient of a batch, and length of its step.

        Parameters
        ----------
        clock : float
            Time since the start, in units of 2 n rows.
        share : float
            Length of the batch in this unit: rates are per unit of time, so that the
            path depends little on the batch size.
        """
        rho, gamma = self.gradient_weight, self.step_size
        if self.decay:
            rho = min(_LARGEST_RHO, rho / (clock + 1.0) ** 0.5)
            gamma = min(_LARGEST_GAMMA, gamma / (clock + 2.0) ** 0.75)
        rho, gamma = min(rho, 1.0), min(gamma, 1.0)
        return 1.0 - (1.0 - rho) ** share, 1.0 - (1.0 - gamma) ** share


def usual_batch(n_features):
    """Rows per step where nothing else is asked for."""
    return max(4 * n_features, min(12 * n_features, 256))
