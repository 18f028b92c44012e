"""Ensemble Kalman filter: a transformer of noisy states, and a cycling filter."""

import time
from collections.abc import Callable as CallableType
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.dynamics._assimilation.inflation import AdaptiveInflation
from skgeo.dynamics._assimilation.observation import (
    DATA_UNITS,
    ArrayRule,
    Operator,
    Whitener,
)
from skgeo.dynamics._assimilation.static import (
    given_noise,
    localization_of,
    static_background,
)
from skgeo.dynamics._assimilation.trajectory import FilteredTrajectory
from skgeo.dynamics._assimilation.update import Update
from skgeo.dynamics._model_error.tangent import real_states
from skgeo.exceptions import FilterDivergenceWarning
from skgeo.utils.durations import announce
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Boolean,
    Callable,
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    SequenceOf,
    Unused,
    check_params,
)
from skgeo.utils.warn import warn_user

__all__ = ["EnsembleKalmanFilter"]


_TIMED = 3  # analyses after which the time of the others is known


class EnsembleKalmanFilter(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
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
        Static background. "homogeneous": a spectrum on a grid, estimated from
        the observations; its analysis is the Wiener filter. "snapshots": an ensemble
        of denoised observations, randomly shifted around the periodic grid. "white":
        independent components. An array of shape (n_members, n_features): your own
        ensemble of states, needed where not all components are observed.
    obs_operator : None, array-like, sparse matrix or callable, default=None
        What is observed: everything, the components with the given indices or where
        a boolean mask is true, a linear map (n_obs, n_features), or a function of
        states (n, n_features).
    n_members : int or None, default=None
        Size of ensembles that are drawn; None means 200, or all snapshots given.
    background_scale : float or None, default=None
        Standard deviation of the "white" background; None estimates it.
    solver : {"etkf", "stochastic", "serial"}, default="etkf"
        Update of the members. "etkf": deterministic, by the symmetric square root.
        "stochastic": with perturbed observations. "serial": deterministic, one
        observation after the other, for independent errors; with localization its
        cost is that of the components within reach of the observations, which suits
        large states.
    inflation : float or "adaptive", default=1.0
        Factor of the background covariance, 1 or a little more. "adaptive" follows it
        from the innovations of a trajectory.
    rtpp, rtps : float, default=0.0
        Relaxation of the members of an analysis to the perturbations, and to the
        spread, of the forecast: 0 for none, 1 for all of it.
    localization : float or None, default=None
        Distance in grid points at which covariances are cut to zero by a
        Gaspari-Cohn taper. The update "etkf" becomes local.
    obs_positions : array-like or None, default=None
        Position of each observation, in components of the state, for localization
        with a callable operator.
    grid_shape : tuple of int or None, default=None
        Shape of the grid, (n,) or (n_y, n_x); None means a line of all components.
        Several fields may follow one another.
    periodic : bool, default=True
        Whether the grid is periodic. If not, the homogeneous background consists of
        cosines.
    mode_gain : float, default=0.99
        Gain from which on a mode of the background counts as observed; :meth:`to_modes`
        keeps those.
    random_state : int, RandomState instance or None, default=None
        Seed of drawn ensembles and perturbed observations. One generator per filter
        is made of it, which every :meth:`analysis` advances; ``fit`` starts it anew.

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
        | ArrayRule(),
        "background": OneOf("homogeneous", "snapshots", "white") | ArrayRule(),
        "obs_operator": Null() | Callable() | ArrayRule(),
        "n_members": Null() | Integer(2),
        "background_scale": Null() | Real(0.0, closed="neither", magnitudes=DATA_UNITS),
        "solver": OneOf("etkf", "stochastic", "serial"),
        "inflation": OneOf("adaptive") | Real(1.0, 1e6),
        "rtpp": Real(0.0, 1.0),
        "rtps": Real(0.0, 1.0),
        "localization": Null() | Real(0.0, closed="neither"),
        "obs_positions": Null() | ArrayRule(),
        "grid_shape": Null() | SequenceOf(Integer(1)),
        "periodic": Boolean(),
        "mode_gain": Real(0.0, 1.0),
        "random_state": RandomState(),
    }
    _unused_params = (
        Unused(
            "background_scale",
            lambda p: not (isinstance(p.background, str) and p.background == "white"),
            "background is not 'white'",
        ),
        Unused("obs_positions", lambda p: p.localization is None, "nothing is local"),
    )

    def __init__(
        self,
        obs_noise: float | ArrayLike | None = None,
        *,
        background: str | ArrayLike = "homogeneous",
        obs_operator: ArrayLike | CallableType | None = None,
        n_members: int | None = None,
        background_scale: float | None = None,
        solver: str = "etkf",
        inflation: float | str = 1.0,
        rtpp: float = 0.0,
        rtps: float = 0.0,
        localization: float | None = None,
        obs_positions: ArrayLike | None = None,
        grid_shape: tuple[int, ...] | None = None,
        periodic: bool = True,
        mode_gain: float = 0.99,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.obs_noise = obs_noise
        self.background = background
        self.obs_operator = obs_operator
        self.n_members = n_members
        self.background_scale = background_scale
        self.solver = solver
        self.inflation = inflation
        self.rtpp = rtpp
        self.rtps = rtps
        self.localization = localization
        self.obs_positions = obs_positions
        self.grid_shape = grid_shape
        self.periodic = periodic
        self.mode_gain = mode_gain
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> "EnsembleKalmanFilter":
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
        params = check_params(self)
        X = validate_data(self, X, dtype=np.float64)
        with single_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            self._background, noise = static_background(params, X)
            ratio = self._background.consistency(X)
            analysis = self._background.analyze(X)
        learned = (noise, self._background.analysis_std, self._background.mode_gains)
        if not all(np.isfinite(v).all() for v in (analysis, ratio, *learned)):
            raise ValueError(
                "The analyses, or their errors, are infinite or NaN: squares of the "
                "states or of obs_noise, or of one over the other, leave the range of "
                "numbers. Choose other units."
            )
        self.obs_noise_std_ = noise
        self.innovation_variance_ratio_ = ratio
        self.analysis_std_ = self._background.analysis_std
        self.mode_gains_ = self._background.mode_gains
        self.n_modes_ = self._background.n_modes
        self.rank_ = self._background.rank
        self.n_features_out_ = self._n_features_out = analysis.shape[1]
        self._cycle = None
        kind = params.background if isinstance(params.background, str) else "ensemble"
        if kind in ("ensemble", "snapshots") and ratio > 3:
            warn_user(
                f"The innovations vary {ratio:.1f} times more than background and "
                f"noise explain: the ensemble (rank {self.rank_}) does not span the "
                "states, or obs_noise is too small. Add members."
            )
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
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
        with single_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            return self._finite(self._background.analyze(X))

    def _finite(self, out):
        """Refuse results that left the range of numbers."""
        if not np.isfinite(out).all():
            raise ValueError(
                "The analyses are infinite or NaN: these observations are too large. "
                "Choose other units."
            )
        return out

    def gain(self, V: ArrayLike) -> np.ndarray:
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
        with single_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            return self._finite(self._background.gain(V))

    def to_modes(self, V: ArrayLike) -> np.ndarray:
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
        with np.errstate(over="ignore", invalid="ignore"):
            return self._finite(self._background.to_modes(V))

    def _mode_fields(self):
        """Field of each mode; None where modes mix fields."""
        fields = getattr(self._background, "mode_fields", None)
        return None if fields is None else fields()

    def analysis(
        self, forecast: ArrayLike, y: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray]:
        """Update a forecast ensemble with one observation.

        Needs no ``fit``: the background is the ensemble itself.

        Parameters
        ----------
        forecast : array-like of shape (n_members, n_features)
            Forecast ensemble.
        y : array-like of shape (n_obs,)
            Observation; NaN where it is missing.

        Returns
        -------
        mean : ndarray of shape (n_features,)
            Analysis mean.
        ensemble : ndarray of shape (n_members, n_features)
            Analysis ensemble, about that mean.
        """
        params = check_params(self)
        rng, inflation = self._generators(params)
        E, y = self._check_forecast(forecast), self._check_observation(y)
        update = self._update(params, E, inflation)
        self._check_width(y[None], update.whitener.n_obs)
        with single_blas_thread():
            E = update(E, y, rng)[0]
        return E.mean(axis=0), E

    def analysis_mean(self, forecast: ArrayLike, y: ArrayLike) -> np.ndarray:
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
        params = check_params(self)
        inflation = self._generators(params)[1]
        E, y = self._check_forecast(forecast), self._check_observation(y)
        update = self._update(params, E, inflation)
        self._check_width(y[None], update.whitener.n_obs)
        with single_blas_thread():
            return update.mean(E, y)

    def _generators(self, params):
        """Generator and inflation that successive analyses share."""
        cycle = getattr(self, "_cycle", None)
        key = (params.random_state, params.inflation)
        if cycle is None or cycle[0] != key:
            rng = check_random_state(self.random_state)
            cycle = self._cycle = (key, rng, self._new_inflation(params))
        return cycle[1:]

    def _new_inflation(self, params):
        if params.inflation == "adaptive":
            return AdaptiveInflation()
        return params.inflation

    def _check_forecast(self, forecast):
        return check_array(
            forecast, dtype=np.float64, ensure_min_samples=2, input_name="forecast"
        )

    def _check_observation(self, y):
        if np.ndim(y) != 1:
            raise ValueError(
                "y must be one observation, a 1-D array (n_obs,); got shape "
                f"{np.shape(y)}. filter_trajectory takes several times."
            )
        return check_array(
            y,
            dtype=np.float64,
            ensure_2d=False,
            ensure_all_finite="allow-nan",
            input_name="y",
        )

    def _check_width(self, Y, n_obs):
        if Y.shape[-1] != n_obs:
            raise ValueError(
                f"y must hold the {n_obs} observed components; got shape {Y.shape[1:]}."
            )

    def _update(self, params, E, inflation, operator=None):
        """Return the update of this filter for an ensemble."""
        given = self.obs_operator if operator is None else operator
        operator = Operator(given, E.shape[1])
        n_obs = operator(E[:1]).shape[1]
        noise = self.obs_noise
        if noise is None:  # estimated in fit, if there was one
            noise = getattr(self, "obs_noise_std_", None) or given_noise(params)
        return Update(
            operator,
            Whitener(noise, n_obs),
            localization_of(params, operator, E.shape[1]),
            params.solver,
            inflation,
            params.rtpp,
            params.rtps,
        )

    def filter_trajectory(
        self,
        Y: ArrayLike | Sequence[ArrayLike],
        model: CallableType,
        *,
        initial: ArrayLike | None = None,
        process_noise: float | ArrayLike = 0.0,
        obs_operators: Sequence | None = None,
        progress: CallableType | None = None,
    ) -> FilteredTrajectory:
        """Cycle forecasts and analyses along one trajectory.

        Parameters
        ----------
        Y : array-like of shape (n_times, n_obs)
            Observations at successive times; NaN where they are missing. With
            ``obs_operators``, a sequence of 1-D arrays, whose lengths may differ.
        model : callable
            Advances states (n_members, n_features) from one time to the next.
        initial : array-like of shape (n_members, n_features), optional
            Ensemble one step before the first observation. By default ``n_members``
            (or 200) states are drawn from the fitted static background.
        process_noise : float or array-like of shape (n_features,), default=0.0
            Standard deviation of noise added to each member after each step.
        obs_operators : sequence of length n_times, optional
            What is observed at each time, where that changes; each as the parameter
            ``obs_operator``, None standing for that parameter.
        progress : callable, optional
            Called as ``progress(i, n_times)`` after the i-th analysis, from 1 on; a
            true answer stops there, and the result ends at that time.

        Returns
        -------
        result : FilteredTrajectory
            ``mean``, ``std``, ``forecast_mean``, ``forecast_std``, ``ensemble``,
            ``innovation_variance_ratio`` and ``inflation`` at each time, see there.

        Raises
        ------
        ValueError
            If the model returns NaN, infinity or another shape.

        Warns
        -----
        FilterDivergenceWarning
            If the innovations of the second half are far larger than the spread of
            the ensemble and the noise explain.
        """
        params = check_params(self)
        rng = check_random_state(self.random_state)
        if initial is None:
            check_is_fitted(self)
            n = 200 if self.n_members is None else self.n_members
            initial = self._background.sample(n, rng)
        E = self._check_forecast(initial)
        inflation = self._new_inflation(params)
        update = None
        if obs_operators is None:
            Y = check_array(
                Y, dtype=np.float64, ensure_all_finite="allow-nan", input_name="Y"
            )
            update = self._update(params, E, inflation)
            self._check_width(Y, update.whitener.n_obs)
        elif len(obs_operators) != len(Y):
            raise ValueError(
                f"obs_operators must hold one operator per time, {len(Y)}; it has "
                f"{len(obs_operators)}."
            )
        n_times, d = len(Y), E.shape[1]
        process_noise = self._check_process_noise(process_noise, d)
        mean, std, f_mean, f_std = np.empty((4, n_times, d))
        ratio, factors, n_seen = np.empty((3, n_times))
        start = time.perf_counter()
        for i, y in enumerate(Y):
            if i == _TIMED:
                announce(
                    (time.perf_counter() - start) / i * (n_times - i),
                    f"The analysis of the {n_times - i} times that are left",
                    "Watch or stop it with progress.",
                )
            E = self._advance(model, E, i)
            if process_noise.any():
                E = E + process_noise * rng.standard_normal(E.shape)
            f_mean[i], f_std[i] = E.mean(axis=0), E.std(axis=0, ddof=1)
            if obs_operators is not None:
                y = self._check_observation(y)
                update = self._update(params, E, inflation, obs_operators[i])
                self._check_width(y[None], update.whitener.n_obs)
            with single_blas_thread():
                E, ratio[i] = update(E, y, rng)
            mean[i], std[i] = E.mean(axis=0), E.std(axis=0, ddof=1)
            factors[i], n_seen[i] = update.factor(), np.count_nonzero(~np.isnan(y))
            if progress is not None and progress(i + 1, n_times):
                break
        seen = slice(0, i + 1)
        self._warn_of_divergence(ratio[seen], n_seen[seen])
        return FilteredTrajectory(
            mean=mean[seen],
            std=std[seen],
            forecast_mean=f_mean[seen],
            forecast_std=f_std[seen],
            ensemble=E,
            innovation_variance_ratio=ratio[seen],
            inflation=factors[seen],
        )

    def _check_process_noise(self, process_noise, d):
        std = np.asarray(process_noise, dtype=np.float64)
        if std.shape not in ((), (d,)) or not (np.isfinite(std) & (std >= 0)).all():
            raise ValueError(
                "process_noise must be a standard deviation, finite and not negative, "
                f"or {d} of them, one per component; got "
                f"{process_noise if std.ndim == 0 else f'shape {std.shape}'}."
            )
        return std

    def _advance(self, model, E, i):
        shape = E.shape
        E = real_states(model(E))
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
        return E

    def _warn_of_divergence(self, ratio, n_seen):
        late, n_known = slice(len(ratio) // 2, None), n_seen.sum()
        known = np.isfinite(ratio[late]) & (n_seen[late] > 0)
        ratio, n_seen = ratio[late][known], n_seen[late][known]
        if len(ratio) == 0:
            if not n_known:
                warn_user(
                    "No observation is known: every entry of Y is NaN, and the means "
                    "are those of a free forecast."
                )
            return
        average = np.average(ratio, weights=n_seen)
        # Twice what is expected, beyond the sampling error of a mean of squares.
        if average > 1 + max(1.0, 5 * np.sqrt(2 / n_seen.sum())):
            warn_user(
                f"The filter has diverged: innovations vary {average:.1f} times more "
                "than the spread of the ensemble and the noise explain. Raise "
                "inflation or make it 'adaptive', relax the members (rtps), localize, "
                "add members or process_noise, or check obs_noise and the model.",
                FilterDivergenceWarning,
            )
