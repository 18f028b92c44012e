"""What a stream has to say against its dictionary, each once."""

from skgeo.utils.warn import warn_user

__all__ = ["warn_correlated", "warn_mean", "warn_mixed", "warn_unseen"]

# A mean matters when its square is this fraction of the mean variance per direction.
_MEAN_ENERGY = 0.25


def warn_mean(stream):
    """Say that the mean carries energy and is not removed."""
    n, seen = len(stream.offset), stream.n_measured
    if stream.warned_mean or seen < 10 * n:
        return
    square = float(stream.offset @ stream.offset)
    variance = max(stream.energy - square, 0.0)
    # Three times what chance makes of a mean, so that few rows raise no alarm.
    if square - 3.0 * variance / seen > _MEAN_ENERGY * variance / n:
        stream.warned_mean = True
        warn_user(
            f"The mean of the rows carries {square / stream.energy:.1%} of their "
            f"energy, {square * n / max(variance, 1e-300):.2g} times what a direction "
            "varies by: one atom follows it and spoils the others. Set center=True, or "
            "subtract the mean."
        )


def warn_correlated(stream, atoms):
    """Say that codes are not independent, far from it."""
    if len(atoms) > 1 and not stream.warned_correlated:
        stream.warned_correlated = True
        warn_user(
            f"The codes of {len(atoms)} of {len(stream.W)} atoms, {atoms[0]} first, "
            "all but determine each other: the rows vary in fewer directions than "
            "there are atoms, or far more in some than in others. Set whiten=True or "
            "n_components, or drop constant and redundant features and scale the rest."
        )


def warn_unseen(stream, atoms):
    """Say that codes are too near to Gaussian for the rows to tell the atoms."""
    if len(atoms) > 1 and not stream.warned_unseen:
        stream.warned_unseen = True
        warn_user(
            f"The codes of {len(atoms)} of {len(stream.W)} atoms are so near to "
            "Gaussian that these rows do not determine the atoms: any rotation of them "
            "would do as well. More rows help if the codes are not Gaussian indeed."
        )


def warn_mixed(stream, atoms):
    """Say that another contrast takes atoms apart."""
    if len(atoms) > 1 and not stream.warned_mixed:
        stream.warned_mixed = True
        p = stream.settings.p
        warn_user(
            f"A rotation of {len(atoms)} of {len(stream.W)} atoms takes their codes "
            "farther from Gaussian, by negentropy or kurtosis, but not by the mean of "
            f"|code|^{p}: they may be mixtures of codes near the border between peaked "
            "and flat for this exponent, or not be independent. Compare "
            f"exponent={7 - p} by score, and whiten=True if codes are correlated."
        )
