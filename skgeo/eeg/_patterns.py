"""What a linear classifier on tangent vectors responds to."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Pattern", "covariance_patterns"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What changes with the score of a class, in one embedding.

    The weights of a linear machine suppress noise as well as they pick up signal, so
    they do not show where the signal is. Haufe's transformation does: the covariance
    of the features with the score, over the variance of the score.

    Attributes
    ----------
    name : {"time", "bands", "frequencies"}
        Group of the embedding.
    band : (float, float) or None
        Its band in Hz.
    order, lag : int
        The embedding, in samples.
    share : float
        Its share in the average.
    covariance : ndarray of shape (n_classes, order, n_channels, n_channels)
        Change of the covariance at delays ``0, lag, ...`` that goes with one unit of
        a class's score, in units of the signal squared. Entry ``[k, d, i, j]``
        belongs to channel i, ``d`` lags ahead of channel j.
    power : ndarray of shape (n_classes, n_channels)
        Relative change of the channels' power.

    References
    ----------
    Haufe, Meinecke, Goergen, Daehne, Haynes, Blankertz and Biessmann, NeuroImage 87
    (2014), 96-110. In the tangent space: Kobler, Hirayama and Kawanabe, ICASSP
    (2021), 1265-1269.
    """

    name: str
    band: tuple | None
    order: int
    lag: int
    share: float
    covariance: np.ndarray
    power: np.ndarray


def covariance_patterns(members, spaces, activations, n_channels):
    """Fold covariances of tangent vectors with class scores back to channels.

    Parameters
    ----------
    members : list of GroupMember
        Embeddings.
    spaces : list
        Their tangent spaces.
    activations : list of ndarray of shape (n_features, n_classes)
        Covariances of the tangent vectors with the scores over the scores' variances.
    n_channels : int
        Number of channels.

    Returns
    -------
    patterns : list of Pattern
        One per embedding.
    """
    patterns = []
    for member, space, activation in zip(members, spaces, activations, strict=True):
        p, c = member.order, n_channels
        change = space.covariance_change(activation.T)
        blocks = change.reshape(len(change), p, c, p, c)
        lagged = np.stack(
            [
                np.mean([blocks[:, i + d, :, i] for i in range(p - d)], axis=0)
                for d in range(p)
            ],
            axis=1,
        )
        variance = np.diagonal(space.reference()).reshape(p, c).mean(0)
        power = np.einsum("kii->ki", lagged[:, 0]) / variance
        patterns.append(
            Pattern(
                member.name, member.band, p, member.lag, member.share, lagged, power
            )
        )
    return patterns
