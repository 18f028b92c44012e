"""Model error discovery with interpretability and data assimilation."""

import time
from collections.abc import Callable as CallableType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin, clone
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skgeo.base import BaseEstimator
from skgeo.dynamics._library.memory import MemoryLibrary
from skgeo.dynamics._library.weak import WeakLibrary
from skgeo.dynamics._model_error import checks, diagnostics, memory, weak_discovery
from skgeo.dynamics._model_error.corrected import CorrectedModel
from skgeo.dynamics._model_error.design import build_design
from skgeo.dynamics._model_error.equations import write_equations
from skgeo.dynamics._model_error.norms import relative_skill, rms, state_units
from skgeo.dynamics._model_error.parameters import PARAM_RULES, UNUSED_PARAMS
from skgeo.dynamics._model_error.progress import Progress, announce_discovery
from skgeo.dynamics._model_error.regression import discover
from skgeo.dynamics._model_error.step_error import step_error_of
from skgeo.dynamics._model_error.tangent import FixedStepModel, call_model
from skgeo.dynamics._model_error.terms import Terms
from skgeo.exceptions import InvalidParameterError
from skgeo.linear_model import SparseBayesianRegressor
from skgeo.linear_model._shared import scaled_r2
from skgeo.utils.callbacks import CallbackMixin, with_callbacks
from skgeo.utils.params import check_params

__all__ = ["MEDIDA"]


class MEDIDA(MultiOutputMixin, RegressorMixin, CallbackMixin, BaseEstimator):
    r"""Discover the terms that an imperfect dynamical model lacks, from data.

    The truth is :math:`\dot u = f(u) + h(u)`; the model integrates f. From pairs of
    observed states one step apart, the model is started at each first state, and the
    difference between the second state and its forecast, divided by the step, is
    regressed on a library of candidate terms by a sparse Bayesian regression. What
    comes out is an equation for h, and a corrected model.

    Parameters
    ----------
    model : callable or None, default="required"
        One-step model: takes states (n, n_features) to those ``dt`` later, all rows at
        once. With a step for each sample it is called as ``model(X, dt)``, and with
        states of the step before as ``model(X, history=...)``. None stands for
        persistence, so that the whole right-hand side is discovered; it has to be
        passed, as a forgotten model would give the same.
    dt : float or None, default=None
        Time between the two states of a pair. None takes it from ``model.dt``, where
        the model has one, or from the steps handed to ``fit``.
    library : transformer or None, default=None
        Candidate terms. Libraries of this package share coefficients between grid
        points; any other transformer of states gives one equation per component.
        None means polynomials of degree 2 with a constant.
    regressor : regressor or None, default=None
        Sparse regressor with ``coef_``. None means a
        :class:`~skgeo.linear_model.SparseBayesianRegressor` without intercept, which
        removes terms below about 1 % of the increments (``threshold_lambda=1e4``)
        and those within about four standard errors of zero (``min_gain=8``).
    assimilation : EnsembleKalmanFilter or None, default=None
        Filter for noisy observations; fitted on all states given.
    evaluate_at : {"tangent", "end", "start", "midpoint"}, default="tangent"
        Where terms are evaluated. "end" is the published method; its error is of first
        order in ``dt``. "tangent" averages the term at the end with the term at the
        start carried to the end by the tangent of the model: second order, for one
        more call of the model per term.
    gain_matched : bool, default=True
        With a filter: apply the projection on its well-observed modes to increments
        and terms alike, which keeps the regression unbiased.
    prune_step_error : bool, default=True
        With ``evaluate_at="tangent"``: estimate the error of the finite step from the
        discovered terms, subtract it from the increments, and drop terms that only
        stand for it. That error is small but regular, and a sparse regression with
        many rows would explain it by further terms.
    half_step : callable or None, default=None
        The model over half a step, ``half_step(X)``, for the estimate of the error of
        the finite step. None calls ``model(X, dt / 2)`` where the model takes ``dt``,
        and otherwise extrapolates from whole steps where that is reliable.
    tangent_step : float, default=1e-5
        Size of the perturbations of tangent features, relative to the variation of
        the states.
    min_relative_error : float, default=1e-6
        Increments smaller than this part of the tendency of the model count as none:
        the model is declared perfect.
    n_substeps : int, default=1
        Number of steps of the discovered terms in each half step of the corrected
        model; raise it where they are stiff.
    on_blowup : {"raise", "drop"}, default="raise"
        What to do with samples on which the model returns NaN or infinity.

    Attributes
    ----------
    coef_ : ndarray of shape (n_equations, n_terms)
        Coefficients of the terms, zero outside the support.
    coef_std_ : ndarray of shape (n_equations, n_terms)
        Standard deviations: the larger of the posterior's and of the one that allows
        for dependence between the rows of a sample. They do not contain what is left
        of the error of the finite step.
    detectable_ : ndarray of shape (n_equations, n_terms)
        Size of the coefficient that each term would need to be found, given the
        support: smaller missing terms go unnoticed. Infinite where the support
        explains the term, or the library does.
    intercept_ : ndarray of shape (n_equations,)
        Constants, where the regressor fits one.
    feature_names_ : list of str
        Names of the terms, in the names of the columns of X where it has them.
    equation_names_ : list of str
        Left-hand sides.
    skill_ : float
        Part of the squared increments that the terms explain, on the training data:
        1 is perfect, 0 no gain.
    n_terms_ : int
        Number of terms kept.
    dt_ : float
        Time between the states of a pair; the median where steps differ.
    diagnostics_ : dict
        ``relative_error``: increments over the tendency of the model;
        ``condition_number`` of the library; ``alias_cosine`` between discovered terms
        and tendency; ``step_effect``: how much the terms change along a step,
        relative to their size; ``step_error``: size of the error of the finite step,
        relative to the increments; ``step_status``: "corrected", "unknown" (no
        reliable estimate), "long" (too large) or "off"; ``residual_correlation``
        between neighbors; ``signal_to_noise`` of the increments (with a filter, else
        infinite); ``cancellation``: size of the largest term over that of the sum
        of those it nearly cancels with; ``residual_over_noise``, squared, of a filter
        that works in modes.
    library_, regressors_, filter_ : objects
        Fitted parts. One regression of all equations knows the columns that
        ``threshold_lambda``, applied to each equation, left.
    weak_design_ : WeakDesign
        With a :class:`WeakLibrary`, the averages that were regressed:
        ``weak_design_.matrices()`` gives terms and increments, one row per window.
    n_features_in_ : int
        Width of X.

    Raises
    ------
    ValueError
        If the model blows up, changes the shape of the states, the library does
        not fit them, or the step is not known.

    Warns
    -----
    ModelErrorWarning
        If the model is perfect, the library collinear, rows too few, the step too
        long or too short for the noise, the terms repeat the model's tendency, or
        explain little of the increments.

    See Also
    --------
    EnsembleKalmanFilter : For noisy observations.
    skgeo.datasets.make_observation_pairs : Simulated pairs.

    Notes
    -----
    Without a model, and with y of another width than X, this is a sparse regression
    of ``y / dt`` on the library of X.

    References
    ----------
    R. Mojgani, A. Chattopadhyay, P. Hassanzadeh, Chaos 32, 061105 (2022).

    Examples
    --------
    >>> from skgeo.datasets import Lorenz63, make_observation_pairs
    >>> from skgeo.dynamics import MEDIDA
    >>> pairs = make_observation_pairs(Lorenz63(), dt=0.01, random_state=0)
    >>> medida = MEDIDA(Lorenz63(xz=0.0).flow(0.01, 5))
    >>> print("\n".join(medida.fit(pairs.X, pairs.y).equations(2)))
    x0_t = model
    x1_t = model - 1.00 x0 x2
    x2_t = model
    """

    _param_rules = PARAM_RULES
    _unused_params = UNUSED_PARAMS

    def __init__(
        self,
        model: CallableType | str | None = "required",
        dt: float | None = None,
        *,
        library: object = None,
        regressor: object = None,
        assimilation: object = None,
        evaluate_at: str = "tangent",
        gain_matched: bool = True,
        prune_step_error: bool = True,
        half_step: CallableType | None = None,
        tangent_step: float = 1e-5,
        min_relative_error: float = 1e-6,
        n_substeps: int = 1,
        on_blowup: str = "raise",
    ):
        self.model = model
        self.dt = dt
        self.library = library
        self.regressor = regressor
        self.assimilation = assimilation
        self.evaluate_at = evaluate_at
        self.gain_matched = gain_matched
        self.prune_step_error = prune_step_error
        self.half_step = half_step
        self.tangent_step = tangent_step
        self.min_relative_error = min_relative_error
        self.n_substeps = n_substeps
        self.on_blowup = on_blowup

    def set_params(self, **params) -> Self:
        """Set parameters, also of the parts: ``library__degree=3``.

        Parameters
        ----------
        **params : dict
            Parameters.

        Returns
        -------
        self : object
            This estimator.
        """
        checks.check_nested(self, params)
        return super().set_params(**params)

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        dt: ArrayLike | None = None,
        history: ArrayLike | None = None,
    ) -> "MEDIDA":
        """Discover the terms that the model lacks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observed states.
        y : array-like of shape (n_samples, n_features)
            Observed states one step later.
        dt : float or array-like of shape (n_samples,), optional
            Step of each pair, where they differ; handed to the model.
        history : array-like of shape (n_samples, n_features), optional
            States one step before X, for models of two steps. They are not filtered.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        if isinstance(self.model, str) and self.model == "required":
            raise InvalidParameterError(
                "MEDIDA: model is missing. Pass the one-step model whose errors are "
                "to be found, or model=None to discover the whole tendency without one."
            )
        params = check_params(self)
        weak = isinstance(self.library, WeakLibrary)
        given = y
        X, y = validate_data(self, X, y, **checks.validation_options(weak))
        checks.check_columns(self, y=given, history=history)
        check_consistent_length(X, y)
        self._single_output = y.ndim == 1
        Y = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        self._baseline = checks.check_width(X, Y, self.model, self.assimilation)
        dt, history = checks.check_extras(X, dt, history)
        self.dt_ = checks.check_step(params.dt, self.model, dt)
        with self._iterations(None, X=X, y=y) as tick:
            progress = Progress(tick)
            if weak:
                self._fit_weak(X, Y, dt, history, progress)
            elif isinstance(self.library, MemoryLibrary):
                self._fit_memory(X, Y, dt, history, progress)
            else:
                self._fit_pairs(params, X, Y, dt, history, progress)
            progress.warn_if_stopped()
        return self

    def _fit_pairs(self, params, X, Y, dt, history, progress):
        """Discover terms in the state, from pairs."""
        X, Y = self._fit_filter(X, Y)
        start = time.perf_counter()
        F = self._forecast(X, Y.shape[1], dt, history)
        seconds = time.perf_counter() - start
        X, Y, F, dt, history = checks.drop_blown_up(
            X, Y, F, dt, history, self.on_blowup
        )
        steps = np.full((len(X), 1), self.dt_) if dt is None else dt[:, None]

        library = PolynomialFeatures(2) if self.library is None else self.library
        self.library_ = clone(library)
        names = checks.state_names(self, X.shape[1])
        self._set_terms(Terms(self.library_.fit(X), X, Y.shape[1], names))
        self._units = units = state_units(Y, self._terms.n_equations)
        relative = checks.relative_error(self.model, X, Y, F, steps, units)
        self.diagnostics_ = {"relative_error": relative}
        if relative < max(self.min_relative_error, np.finfo(float).tiny):
            diagnostics.warn_model_error(
                f"The model is perfect on these data: errors are {relative:.1e} of its "
                "tendency (min_relative_error). All coefficients are zero."
            )
            shape = (self._terms.n_equations, len(self.feature_names_))
            self.coef_, self.coef_std_ = np.zeros(shape), np.zeros(shape)
            self.detectable_ = np.full(shape, np.nan)
            self.intercept_ = np.zeros(shape[0])
            self.regressors_, self.n_terms_, self.skill_ = [], 0, 0.0
            return

        moved = self._uses_tangents() and self.model is not None
        project = self._projection()
        joint = self._terms.n_equations > 1 and (moved or project is not None)
        n_rows = len(X) * self._terms.n_points
        announce_discovery(self._terms, n_rows, joint, moved, seconds)
        design = build_design(
            self._terms, self.model, X, Y, F, steps,
            evaluate_at=self.evaluate_at if self._baseline else "start",
            project=project, step_size=params.tangent_step, units=units,
            per_sample=dt, history=history, mode_fields=self._mode_fields(),
            progress=progress,
        )  # fmt: skip
        step = None
        if self._uses_tangents() and self.prune_step_error and history is None:
            step = step_error_of(
                self.model, self.half_step, X, Y, F, steps, self.tangent_step, units, dt
            )
        self._discover(design, X, Y, F, steps, step, progress)

    def _fit_weak(self, X, Y, dt, history, progress):
        """Discover from averages over windows of trajectories."""
        if self.assimilation is not None or history is not None or not self._baseline:
            raise ValueError(
                "A WeakLibrary takes consecutive states of one system as they were "
                "observed: without a filter (it removes the noise itself), without "
                "history, and with y as wide as X."
            )
        steps = np.full((len(X), 1), self.dt_) if dt is None else dt[:, None]
        names = checks.state_names(self, X.shape[1])
        problem = weak_discovery.weak_problem(
            clone(self.library), self.model, X, Y, steps, dt, self.tangent_step, names,
            progress,
        )  # fmt: skip
        self.library_ = problem.terms.library
        self._set_terms(problem.terms)
        self.weak_design_ = design = problem.design
        self._units = state_units(Y, problem.terms.n_equations)
        regressor = self._regressor()
        if regressor.get_params().get("effective_rows", 0) is None:
            rows = design.effective_rows
            regressor = clone(regressor).set_params(effective_rows=rows)
        rows = int(design.target[0].size)
        announce_discovery(problem.terms, rows // problem.terms.n_points)
        found = weak_discovery.discover_weak(problem, regressor, X, progress)
        self._store(found)
        self.diagnostics_ = weak_discovery.diagnose_weak(
            design, found, self.feature_names_
        )

    def _fit_memory(self, X, Y, dt, history, progress):
        """Discover terms in the state and in its past."""
        if history is not None or not self._baseline:
            raise ValueError(
                "A MemoryLibrary takes consecutive states of one system: without "
                "history, and with y as wide as X."
            )
        X, Y = self._fit_filter(X, Y)
        steps = np.full((len(X), 1), self.dt_) if dt is None else dt[:, None]
        self.library_ = clone(self.library).fit(X)
        kept, joined = memory.memory_rows(self.library_, X, Y, steps)
        X, Y, steps = X[kept], Y[kept], steps[kept]
        dt = None if dt is None else dt[kept]
        F = self._forecast(X, Y.shape[1], dt, None)
        if not np.isfinite(F).all():
            raise ValueError("The model returned NaN or infinity: see on_blowup.")
        names = checks.state_names(self, X.shape[1])
        self._set_terms(Terms(self.library_, joined, Y.shape[1], names))
        self._units = state_units(Y, self._terms.n_equations)
        self.diagnostics_ = {}
        coupled = self._projection() is not None
        announce_discovery(self._terms, len(X) * self._terms.n_points, coupled)
        design = build_design(
            self._terms, self.model, joined, Y, F, steps, evaluate_at="start",
            project=self._projection(), step_size=self.tangent_step,
            units=self._units, per_sample=dt, history=None,
            mode_fields=self._mode_fields(), progress=progress,
        )  # fmt: skip
        self._discover(design, X, Y, F, steps, None, progress, joined)
        self.diagnostics_["free_run_steps"] = memory.check_free_run(
            self.corrected_model(), X, Y, joined
        )

    # -- preparation of fit ---------------------------------------------------------

    def _fit_filter(self, X, Y):
        if self.assimilation is None:
            return X, Y
        self.filter_ = clone(self.assimilation).fit(np.concatenate([X, Y]))
        return self.filter_.transform(X), self.filter_.transform(Y)

    def _forecast(self, X, width, dt, history):
        if not self._baseline:
            return np.zeros((len(X), width))
        return call_model(self.model, X, dt, history)

    def _uses_tangents(self):
        return self.evaluate_at == "tangent" and self._baseline

    def _projection(self):
        if self.assimilation is None or not self.gain_matched:
            return None
        return getattr(self.filter_, "to_modes", None)

    def _mode_fields(self):
        """Field of each mode of the filter, None where modes mix fields."""
        if self._projection() is None or self._terms.n_equations == 1:
            return None
        fields = getattr(self.filter_, "_mode_fields", lambda: None)()
        known = fields is not None and fields.max() + 1 == self._terms.n_equations
        return fields if known else None

    def _set_terms(self, terms):
        self._terms = terms
        self.feature_names_ = terms.names
        self.equation_names_ = terms.equation_names()

    def _regressor(self):
        if self.regressor is not None:
            return self.regressor
        # A gain of 8 in log evidence asks a term to be about four standard errors
        # from zero: with tens of candidates, chance hardly reaches that.
        return SparseBayesianRegressor(
            fit_intercept=False, threshold_lambda=1e4, min_gain=8.0
        )

    def _discover(self, design, X, Y, F, steps, step, progress, joined=None):
        project, terms = self._projection(), self._terms
        if self.assimilation is not None and np.ptp(steps) > 0:
            # The noise of an increment falls with the length of the step.
            design = design.scaled(steps.mean() / steps)
        found = discover(
            design,
            self._regressor(),
            terms,
            ends=Y if self._uses_tangents() and joined is None else None,
            step=step, prune=self.prune_step_error, progress=progress,
        )  # fmt: skip
        tendency, far = None, False
        if self.model is not None:
            tendency = design.arrange((F - X) / steps) * design.divisor
            far = rms((F - X) / self._units) > 10 * rms(X / self._units)
        noise = 0.0
        if self.assimilation is not None:
            name = "analysis_std_" if project is None else "obs_noise_std_"
            noise = np.sqrt(2) * rms(getattr(self.filter_, name, 0.0) / steps)
        plain = Y if self._baseline else X
        plain = terms.terms(plain if joined is None else joined)
        plain = plain.reshape(len(self.feature_names_), -1).T
        self._store(found)
        self.diagnostics_ |= diagnostics.diagnose(
            design,
            found,
            self.feature_names_,
            plain=plain,
            tendency=tendency,
            noise=noise,
            far=far,
            X=X,
            states=self._baseline,
        )

    def _store(self, found):
        """Turn the outcome of the regression into fitted attributes."""
        shape = (self._terms.n_equations, len(self.feature_names_))
        self.regressors_, self.skill_ = found.regressors, found.skill
        self.coef_, self.coef_std_ = found.coef.reshape(shape), found.std.reshape(shape)
        detectable = diagnostics.detectable_coef(found.design, found)
        self.detectable_ = detectable.reshape(shape)
        self.intercept_ = np.zeros(shape[0])
        if found.constant.any():
            self.intercept_ = found.constant
        self.n_terms_ = int(np.count_nonzero(self.coef_))

    # -- use ------------------------------------------------------------------------

    def corrected_model(self, dt: float | None = None) -> Any:
        """Return the model with the discovered terms, picklable if the model is.

        Parameters
        ----------
        dt : float, optional
            Time of one step; that of the estimator by default.

        Returns
        -------
        model : CorrectedModel or CorrectedMemoryModel
            ``model(X)`` advances states by one step, ``model.simulate(X, n_steps)``
            by many; with a :class:`MemoryLibrary`, ``model.simulate(history,
            n_steps)`` starts from a stretch of observed states.
        """
        check_is_fitted(self)
        dt = checks.check_new_step(dt, self._param_rules["dt"])
        if isinstance(self.library_, MemoryLibrary):
            if dt is not None and dt != self.dt_:
                raise ValueError(
                    f"A memory counts steps: its corrected model has dt={self.dt_:g}, "
                    f"not {dt:g}."
                )
            return memory.CorrectedMemoryModel(
                self.model, self._terms, self.coef_, self.intercept_, self.dt_
            )
        return CorrectedModel(
            self.model
            if dt is None or self.model is None
            else FixedStepModel(self.model, dt),
            self._terms,
            self.coef_,
            self.intercept_,
            self.dt_ if dt is None else dt,
            self.n_substeps,
        )

    def predict(
        self, X: ArrayLike, *, dt: float | None = None, history: ArrayLike | None = None
    ) -> np.ndarray:
        """Advance states by one step of the corrected model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observed states; filtered first if there is a filter.
        dt : array-like of shape (n_samples,), optional
            Step of each sample.
        history : array-like of shape (n_samples, n_features), optional
            States one step before X. With a :class:`MemoryLibrary`, the states before
            each of X, (n_samples, n_times, n_features), the oldest first.

        Returns
        -------
        y : ndarray of shape (n_samples, n_features)
            Corrected next states.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._next_states(X, dt, history)

    def _next_states(self, X, dt, history):
        checks.check_columns(self, history=history)
        if isinstance(self.library_, MemoryLibrary):
            out = self._predict_with_memory(X, history)
        else:
            dt, history = checks.check_extras(X, dt, history)
            out = self._predict(X, dt, history)
        bad = np.flatnonzero(~np.isfinite(out).all(axis=1))
        if len(bad):
            raise ValueError(
                f"The corrected model blew up on {len(bad)} of {len(X)} samples "
                f"(indices {bad[:5].tolist()}): raise n_substeps, or check the states."
            )
        return out[:, 0] if self._single_output else out

    def _predict(self, X, dt, history):
        if not self._baseline:
            step = self.dt_ if dt is None else dt[:, None]
            return step * self._terms.tendency(X, self.coef_, self.intercept_)
        if self.assimilation is not None:
            X = self.filter_.transform(X)
        return self.corrected_model()(X, dt, history)

    def _predict_with_memory(self, X, history):
        model = self.corrected_model()
        past = memory.past_states(model, X, history)
        if self.assimilation is not None:
            past = [self.filter_.transform(V) for V in past]
            X = self.filter_.transform(X)
        return model(X, model.start(past))[0]

    def skill_score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        dt: float | None = None,
        history: ArrayLike | None = None,
    ) -> Any:
        """Model-relative one-step skill.

        ``1 - |y - corrected(X)|^2 / |y - model(X)|^2``: 1 is perfect, 0 no gain over
        the model, below 0 worse than it. With a filter, both are measured in its
        well-observed modes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observed states.
        y : array-like of shape (n_samples, n_features)
            Observed states one step later.
        dt : array-like of shape (n_samples,), optional
            Step of each sample.
        history : array-like of shape (n_samples, n_features), optional
            States one step before X.

        Returns
        -------
        skill : float
            The skill; 0 where the model makes no error.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        checks.check_columns(self, y=y)
        Y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        Y = Y.reshape(len(X), -1)
        if isinstance(self.library_, MemoryLibrary):
            X, Y, corrected = self._next_with_memory(X, Y)
            dt = history = None
        else:
            corrected = self._next_states(X, dt, history).reshape(len(X), -1)
            dt, history = checks.check_extras(X, dt, history)
            if self.assimilation is not None:
                X, Y = self.filter_.transform(X), self.filter_.transform(Y)
        model = self._forecast(X, Y.shape[1], dt, history)
        errors = [Y - corrected, Y - model]
        project = self._projection()
        if project is not None:
            corrected_error, model_error = map(project, errors)
            return relative_skill(corrected_error, model_error)
        return relative_skill(errors[0], errors[1], self._units)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Coefficient of determination of the corrected next states.

        It is close to one even for the imperfect model; :meth:`skill_score` measures
        what is gained over it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observed states.
        y : array-like of shape (n_samples, n_features)
            Observed states one step later.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        score : float
            Mean over components of one minus the ratio of squared errors to squared
            deviations, as scikit-learn defines it, in units that cannot overflow.
        """
        check_is_fitted(self)
        checks.check_columns(self, y=y)
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        if isinstance(self.library_, MemoryLibrary):
            X = validate_data(self, X, dtype=np.float64, reset=False)
            _, y, predicted = self._next_with_memory(X, y.reshape(len(X), -1))
            sample_weight = None
        else:
            predicted = self.predict(X)
        return scaled_r2(y, predicted, sample_weight)

    def _next_with_memory(self, X, Y):
        """States and next states with a known past, and the forecasts of the latter."""
        if self.assimilation is not None:
            X, Y = self.filter_.transform(X), self.filter_.transform(Y)
        kept, joined = memory.memory_rows(
            self.library_, X, Y, np.full((len(X), 1), self.dt_)
        )
        d = X.shape[1]
        past = joined[:, d:].reshape(len(kept), -1, d)
        return X[kept], Y[kept], self.corrected_model()(X[kept], past)[0]

    def equations(self, precision: int = 4, *, std: bool = False) -> Any:
        """Write the discovered equations.

        Parameters
        ----------
        precision : int, default=4
            Digits after the decimal point (significant digits for small numbers).
        std : bool, default=False
            Add the standard deviation of each coefficient in brackets.

        Returns
        -------
        equations : list of str
            One per equation, such as ``"u_t = model - 0.9843 u u_x"``.
        """
        check_is_fitted(self)
        return write_equations(
            self.equation_names_,
            self.feature_names_,
            self.coef_,
            self.coef_std_ if std else None,
            self.intercept_,
            with_model=self.model is not None,
            precision=precision,
        )
