"""Static backgrounds of the ensemble Kalman filter, built from its parameters."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from skgeo.dynamics._assimilation.backgrounds import (
    EnsembleBackground,
    SpectralBackground,
    WhiteBackground,
)
from skgeo.dynamics._assimilation.localization import Localization
from skgeo.dynamics._assimilation.observation import Operator, Whitener
from skgeo.utils.warn import warn_user

__all__ = ["given_noise", "localization_of", "static_background"]


def static_background(params, X):
    """Learn what states look like.

    Parameters
    ----------
    params : namespace
        Checked parameters of the filter.
    X : ndarray of shape (n_samples, n_obs)
        Observations.

    Returns
    -------
    background : object
        With ``analyze``, ``gain``, ``to_modes``, ``consistency`` and ``sample``.
    noise : float
        Root mean square error of the observations.
    """
    kind = params.background if isinstance(params.background, str) else "ensemble"
    if kind != "ensemble" and params.obs_operator is not None:
        raise ValueError(
            f"background={kind!r} is learned from observations of whole states. "
            "With an obs_operator, pass an ensemble of states as background."
        )
    return {
        "homogeneous": _homogeneous,
        "snapshots": _snapshots,
        "white": _white,
        "ensemble": _ensemble,
    }[kind](params, X)


def given_noise(params):
    """Return the noise that was given, or say that one has to be."""
    if params.obs_noise is None:
        raise ValueError(
            "obs_noise=None reads the noise off a spectrum and works with the "
            "backgrounds 'homogeneous' and 'snapshots' only: pass the standard "
            "deviation of the observation noise."
        )
    return params.obs_noise


def localization_of(params, operator, n_features):
    """Return the localization that the parameters ask for, or None."""
    if params.localization is None:
        return None
    positions = operator.positions(n_features, params.obs_positions)
    return Localization(
        n_features,
        positions,
        params.localization,
        params.grid_shape,
        params.periodic,
    )


def _scalar_noise(params):
    if params.obs_noise is None:
        return None
    if np.ndim(params.obs_noise) == 0:
        return float(params.obs_noise)
    raise ValueError(
        f"background={params.background!r} takes a single standard deviation as "
        f"obs_noise; got an array of shape {np.shape(params.obs_noise)}."
    )


def _noise_rms(params):
    noise = np.asarray(params.obs_noise, dtype=np.float64)
    variance = np.diag(noise) if noise.ndim == 2 else noise**2
    return float(np.sqrt(np.mean(variance)))


def _homogeneous(params, X):
    background = SpectralBackground(
        X, _scalar_noise(params), params.grid_shape, params.mode_gain, params.periodic
    )
    if params.periodic:
        _warn_of_edges(X, background)
    return background, background.noise_std


def _warn_of_edges(X, background):
    """Warn where fields do not go on across the edges as they do inside.

    First and second differences across the edge are compared with the largest ones
    inside, in the mean over samples. Noise makes them alike, so that what it hides is
    not reported.
    """
    fields = X.reshape(len(X) * background.n_fields, *background.shape)
    size = np.abs(fields).max() or 1.0
    for axis in range(1, fields.ndim):
        n = fields.shape[axis]
        if n < 16:
            continue
        V = np.moveaxis(fields, axis, -1).reshape(-1, n) / size
        for _ in range(2):
            V = np.roll(V, -1, axis=1) - V
            strength = np.sqrt(np.mean(V**2, axis=0))
            edge, inside = strength[-2:].max(), strength[:-2].max()
            if edge > 3 * inside and edge > 1e-9:
                warn_user(
                    "The fields do not look periodic: they change across the edge of "
                    f"the grid {edge / max(inside, 1e-300):.3g} times more than "
                    "anywhere inside, which spoils the spectrum. Pass periodic=False."
                )
                return


def _snapshots(params, X):
    if not params.periodic:
        raise ValueError(
            "background='snapshots' shifts states around a periodic grid: with "
            "periodic=False use 'homogeneous', or an ensemble of states of your own."
        )
    spectral, noise = _homogeneous(params, X)
    if spectral.noise_std == 0:
        return spectral, noise
    rng = check_random_state(params.random_state)
    n = 200 if params.n_members is None else params.n_members
    if n <= spectral.n_modes:
        warn_user(
            f"{n} members cannot span the {spectral.n_modes} modes that the "
            "observations show: raise n_members to about twice their number."
        )
    clean = spectral.analyze(X)[rng.randint(len(X), size=n)]
    fields = clean.reshape(n, spectral.n_fields, *spectral.shape)
    shifts = np.stack([rng.randint(s, size=n) for s in spectral.shape], axis=1)
    axes = tuple(range(1, 1 + len(spectral.shape)))
    for i, shift in enumerate(shifts):
        fields[i] = np.roll(fields[i], tuple(shift), axes)
    return _ensemble_background(params, fields.reshape(n, -1), noise), noise


def _ensemble(params, X):
    E = check_array(
        params.background,
        dtype=np.float64,
        ensure_min_samples=2,
        input_name="background",
    )
    if params.n_members is not None and params.n_members < len(E):
        rng = check_random_state(params.random_state)
        E = E[rng.choice(len(E), params.n_members, replace=False)]
    background = _ensemble_background(params, E, given_noise(params))
    if background.HA.shape[1] != X.shape[1]:
        raise ValueError(
            f"The background has {E.shape[1]} components, of which the operator "
            f"observes {background.HA.shape[1]}, but X has {X.shape[1]} columns."
        )
    return background, _noise_rms(params)


def _white(params, X):
    noise = np.asarray(given_noise(params), dtype=np.float64)
    Whitener(noise, X.shape[1])
    if noise.ndim == 2:
        raise ValueError(
            "background='white' takes standard deviations as obs_noise, not a "
            "covariance matrix."
        )
    return WhiteBackground(X, noise, params.background_scale), _noise_rms(params)


def _ensemble_background(params, E, noise):
    operator = Operator(params.obs_operator, E.shape[1])
    n_obs = operator(E[:1]).shape[1]
    factor = 1.0 if params.inflation == "adaptive" else params.inflation
    return EnsembleBackground(
        E,
        operator,
        Whitener(noise, n_obs),
        factor,
        localization_of(params, operator, E.shape[1]),
        params.mode_gain,
    )
