"""Ensemble Kalman filter: a transformer of noisy states, and a cycling filter."""

import warnings

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skgeo.dynamics._assimilation.observation import (
    ArrayLike,
    Operator,
    Update,
    Whitener,
)
from skgeo.dynamics._assimilation.static import StaticBackgroundMixin
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Callable,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    SequenceOf,
    check_params,
)

__all__ = ["EnsembleKalmanFilter"]

# Magnitudes of numbers in the units of the state: their squares are finite.
DATA_UNITS = (1e-152, 1e150)


class EnsembleKalmanFilter(
    StaticBackgroundMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Ensemble Kalman filter with structured backgrounds.

    It serves in two ways. As a transformer it learns a static background (what states
    look like) in ``fit`` and ``transform`` replaces each noisy observation by the
    analysis, that is by its best linear estimate given the background and the
    noise. With a model, ``filter_trajectory`` cycles forecasts and analyses along one
    trajectory.

    Analyses are computed in the space of the ensemble or that of the observations,
    whichever is smaller.

    Parameters
    ----------
    obs_noise : float, array-like or None, default=None
        Error of the observations, in their units: a standard deviation, one per
        observed component, or their covariance matrix. None reads the standard
        deviation of white noise off the flat end of the spectrum, with
        ``background="homogeneous"`` or ``"snapshots"``, and needs a resolved field.
    background : {"homogeneous", "snapshots", "white"} or array-like, \
default="homogeneous"
        Static background. "homogeneous": a spectrum on a periodic grid, estimated from
        the observations; its analysis is the Wiener filter. "snapshots": an ensemble
        of denoised observations, randomly shifted around the periodic grid. "white":
        independent components. An array of shape (n_members, n_features): your own
        ensemble of states, needed where not all components are observed.
    obs_operator : None, array-like, sparse matrix or callable, default=None
        What is observed: everything, the components with the given indices, a linear
        map (n_obs, n_features), or a function of states (n, n_features).
    n_members : int or None, default=None
        Size of ensembles that are drawn; None means 200, or all snapshots given.
    background_scale : float or None, default=None
        Standard deviation of the "white" background; None estimates it.
    method : {"etkf", "stochastic"}, default="etkf"
        Update of the members: deterministic, by the symmetric square root, or
        stochastic, with perturbed observations.
    inflation : float, default=1.0
        Factor of the background covariance, 1 or a little more.
    localization : float or None, default=None
        Distance in grid points at which covariances are cut to zero by a
        Gaspari-Cohn taper. The deterministic update becomes local.
    obs_positions : array-like or None, default=None
        Position of each observation, in components of the state, for localization
        with a callable operator.
    grid_shape : tuple of int or None, default=None
        Shape of the periodic grid, (n,) or (n_y, n_x); None means a line of all
        components. Several fields may follow one another.
    mode_gain : float, default=0.99
        Gain from which on a mode of the background counts as observed; :meth:`to_modes`
        keeps those.
    random_state : int, RandomState instance or None, default=None
        Seed of drawn ensembles and perturbed observations.

    Attributes
    ----------
    obs_noise_std_ : float
        Root mean square error of the observations, given or estimated.
    analysis_std_ : float
        Root mean square error of an analysis that the background implies.
    innovation_variance_ratio_ : float
        Consistency: mean square of the innovations over what background and noise
        explain; about one.
    mode_gains_ : ndarray
        Gains of the modes: of the observed shells of the spectrum, or of all principal
        components of the ensemble.
    n_modes_ : int
        Number of coordinates that :meth:`to_modes` keeps.
    rank_ : int
        Rank of the background.
    n_features_in_ : int
        Number of observed components.
    n_features_out_ : int
        Number of components of the state.

    Raises
    ------
    ValueError
        If the noise, the operator and the background do not fit together.

    See Also
    --------
    MEDIDA : Takes this filter for noisy observations.

    Notes
    -----
    With an ensemble, modes outside its span are never corrected; ``fit`` warns when
    it has fewer members than the observations show modes. A linear analysis shrinks:
    regressions on filtered states should use :meth:`to_modes` on both sides.

    References
    ----------
    G. Evensen, Ocean Dynamics 53, 343 (2003).
    C. H. Bishop, B. J. Etherton, S. J. Majumdar, Mon. Weather Rev. 129, 420 (2001).
    B. R. Hunt, E. J. Kostelich, I. Szunyogh, Physica D 230, 112 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from skgeo.dynamics import EnsembleKalmanFilter
    >>> rng = np.random.default_rng(0)
    >>> x = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    >>> clean = np.sin(x + rng.uniform(0, 6, (50, 1)))
    >>> noisy = clean + 0.1 * rng.standard_normal(clean.shape)
    >>> denoised = EnsembleKalmanFilter(obs_noise=0.1).fit_transform(noisy)
    >>> bool(np.std(denoised - clean) < 0.03)
    True
    """

    _param_rules = {
        "obs_noise": Null()
        | Real(0.0, closed="neither", magnitudes=DATA_UNITS)
        | ArrayLike(),
        "background": OneOf("homogeneous", "snapshots", "white") | ArrayLike(),
        "obs_operator": Null() | Callable() | ArrayLike(),
        "n_members": Null() | Integer(2),
        "background_scale": Null() | Real(0.0, closed="neither", magnitudes=DATA_UNITS),
        "method": OneOf("etkf", "stochastic"),
        "inflation": Real(1.0),
        "localization": Null() | Real(0.0, closed="neither"),
        "obs_positions": Null() | ArrayLike(),
        "grid_shape": Null() | SequenceOf(Integer(1)),
        "mode_gain": Real(0.0, 1.0),
        "random_state": RandomState(),
    }

    def __init__(
        self,
        obs_noise=None,
        *,
        background="homogeneous",
        obs_operator=None,
        n_members=None,
        background_scale=None,
        method="etkf",
        inflation=1.0,
        localization=None,
        obs_positions=None,
        grid_shape=None,
        mode_gain=0.99,
        random_state=None,
    ):
        self.obs_noise = obs_noise
        self.background = background
        self.obs_operator = obs_operator
        self.n_members = n_members
        self.background_scale = background_scale
        self.method = method
        self.inflation = inflation
        self.localization = localization
        self.obs_positions = obs_positions
        self.grid_shape = grid_shape
        self.mode_gain = mode_gain
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn the static background.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_obs)
            Observations.
        y : Ignored
            Not used.

        Returns
        -------
        self : object
            Fitted filter.
        """
        check_params(self)
        X = validate_data(self, X, dtype=np.float64)
        kind = self.background if isinstance(self.background, str) else "ensemble"
        if kind != "ensemble" and self.obs_operator is not None:
            raise ValueError(
                f"background={kind!r} is learned from observations of whole states. "
                "With an obs_operator, pass an ensemble of states as background."
            )
        with single_blas_thread():
            self._background = getattr(self, f"_fit_{kind}")(X)
            ratio = self._background.consistency(X)
        self.innovation_variance_ratio_ = ratio
        self.analysis_std_ = self._background.analysis_std
        self.mode_gains_ = self._background.mode_gains
        self.n_modes_ = self._background.n_modes
        self.rank_ = self._background.rank
        self.n_features_out_ = self._n_features_out = len(
            self._background.analyze(X[:1])[0]
        )
        if kind in ("ensemble", "snapshots") and ratio > 3:
            warnings.warn(
                f"The innovations vary {ratio:.1f} times more than background and "
                f"noise explain: the ensemble (rank {self.rank_}) does not span the "
                "states, or obs_noise is too small. Add members.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def transform(self, X):
        """Replace each observation by its analysis.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_obs)
            Observations.

        Returns
        -------
        states : ndarray of shape (n_samples, n_features)
            Analyses, each from its own observation and the static background.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        with single_blas_thread():
            return self._background.analyze(X)

    def gain(self, V):
        """Apply the static gain to innovations.

        Parameters
        ----------
        V : array-like of shape (n_samples, n_obs)
            Innovations.

        Returns
        -------
        increments : ndarray of shape (n_samples, n_features)
            ``K v`` of each row.
        """
        check_is_fitted(self)
        V = validate_data(self, V, dtype=np.float64, reset=False)
        with single_blas_thread():
            return self._background.gain(V)

    def to_modes(self, V):
        """Project states, or differences of states, on the well-observed modes.

        Parameters
        ----------
        V : array-like of shape (n_samples, n_features)
            Rows in the space of states.

        Returns
        -------
        modes : ndarray of shape (n_samples, n_modes_)
            Orthonormal coordinates: real and imaginary parts of Fourier modes, or
            principal components, whose gain is at least ``mode_gain``.
        """
        check_is_fitted(self)
        V = check_array(V, dtype=np.float64, input_name="V")
        if V.shape[1] != self.n_features_out_:
            raise ValueError(
                f"V must have {self.n_features_out_} columns, the components of the "
                f"state; got {V.shape[1]}."
            )
        return self._background.to_modes(V)

    def analysis(self, forecast, y):
        """Update a forecast ensemble with one observation.

        Needs no ``fit``: the background is the ensemble itself.

        Parameters
        ----------
        forecast : array-like of shape (n_members, n_features)
            Forecast ensemble.
        y : array-like of shape (n_obs,)
            Observation.

        Returns
        -------
        mean : ndarray of shape (n_features,)
            Analysis mean.
        ensemble : ndarray of shape (n_members, n_features)
            Analysis ensemble, about that mean.
        """
        check_params(self)
        E, y, update = self._prepare_update(forecast, y)
        rng = check_random_state(self.random_state)
        with single_blas_thread():
            E = update(E, y, rng)[0]
        return E.mean(axis=0), E

    def analysis_mean(self, forecast, y):
        """Update the mean of a forecast ensemble only, which is much cheaper.

        Parameters
        ----------
        forecast : array-like of shape (n_members, n_features)
            Forecast ensemble.
        y : array-like of shape (n_obs,)
            Observation.

        Returns
        -------
        mean : ndarray of shape (n_features,)
            Analysis mean, without sampling error of perturbed observations.
        """
        check_params(self)
        E, y, update = self._prepare_update(forecast, y)
        with single_blas_thread():
            return update.mean(E, y)

    def _prepare_update(self, forecast, y):
        """Validate; return ensemble, observation and the update of this filter."""
        E = check_array(
            forecast, dtype=np.float64, ensure_min_samples=2, input_name="forecast"
        )
        operator = Operator(self.obs_operator, E.shape[1])
        n_obs = operator(E[:1]).shape[1]
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        if y.shape[-1] != n_obs:
            raise ValueError(
                f"y must hold the {n_obs} observed components; got shape {y.shape}."
            )
        noise = self.obs_noise
        if noise is None:  # estimated in fit, if there was one
            noise = getattr(self, "obs_noise_std_", None) or self._need_noise()
        taper = self._tapers(operator, E.shape[1])
        whitener = Whitener(noise, n_obs)
        return E, y, Update(operator, whitener, taper, self.method, self.inflation)

    def filter_trajectory(self, Y, model, *, initial=None, process_noise=0.0):
        """Cycle forecasts and analyses along one trajectory.

        Parameters
        ----------
        Y : array-like of shape (n_times, n_obs)
            Observations at successive times.
        model : callable
            Advances states (n_members, n_features) from one time to the next.
        initial : array-like of shape (n_members, n_features), optional
            Ensemble one step before the first observation. By default ``n_members``
            (or 200) states are drawn from the fitted static background.
        process_noise : float or array-like of shape (n_features,), default=0.0
            Standard deviation of noise added to each member after each step.

        Returns
        -------
        result : Bunch
            ``mean``, ``std``: analyses, shape (n_times, n_features);
            ``forecast_mean``, ``forecast_std``: before each analysis; ``ensemble``:
            the last analysis; ``innovation_variance_ratio``: consistency of each
            analysis, about one on average.

        Raises
        ------
        ValueError
            If the model returns NaN, infinity or another shape.
        """
        check_params(self)
        Y = check_array(Y, dtype=np.float64, input_name="Y")
        rng = check_random_state(self.random_state)
        if initial is None:
            check_is_fitted(self)
            n = 200 if self.n_members is None else self.n_members
            initial = self._background.sample(n, rng)
        E, Y, update = self._prepare_update(initial, Y)
        process_noise = np.asarray(process_noise, dtype=np.float64)
        n_times, d = len(Y), E.shape[1]
        mean, std, f_mean, f_std = np.empty((4, n_times, d))
        ratio = np.empty(n_times)
        for i, y in enumerate(Y):
            shape = E.shape
            E = np.asarray(model(E), dtype=np.float64)
            if E.shape != shape:
                raise ValueError(
                    f"model must keep the shape {shape} of the states; it returned "
                    f"{E.shape}."
                )
            if not np.isfinite(E).all():
                raise ValueError(
                    f"The model blew up in {int((~np.isfinite(E)).any(axis=1).sum())} "
                    f"of {len(E)} members at time {i}: shorten its steps, or start "
                    "from a tighter ensemble."
                )
            if process_noise.any():
                E = E + process_noise * rng.standard_normal(E.shape)
            f_mean[i], f_std[i] = E.mean(axis=0), E.std(axis=0, ddof=1)
            with single_blas_thread():
                E, ratio[i] = update(E, y, rng)
            mean[i], std[i] = E.mean(axis=0), E.std(axis=0, ddof=1)
        return Bunch(
            mean=mean,
            std=std,
            forecast_mean=f_mean,
            forecast_std=f_std,
            ensemble=E,
            innovation_variance_ratio=ratio,
        )
