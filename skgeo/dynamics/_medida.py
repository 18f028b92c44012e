"""Model error discovery with interpretability and data assimilation."""

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skgeo.dynamics._model_error.checks import (
    Has,
    check_extras,
    check_width,
    drop_blown_up,
)
from skgeo.dynamics._model_error.corrected import CorrectedModel, Redated, call_model
from skgeo.dynamics._model_error.design import build_design
from skgeo.dynamics._model_error.diagnostics import tell, tell_about
from skgeo.dynamics._model_error.equations import write_equations
from skgeo.dynamics._model_error.regression import discover, rms
from skgeo.dynamics._model_error.terms import Terms
from skgeo.linear_model import SparseBayesianRegressor
from skgeo.utils.params import (
    Boolean,
    Callable,
    Integer,
    Null,
    OneOf,
    Real,
    check_params,
)

__all__ = ["MEDIDA"]


class MEDIDA(MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Discover the terms that an imperfect dynamical model lacks, from data.

    The truth is :math:`\dot u = f(u) + h(u)`; the model integrates f. From pairs of
    observed states one step apart, the model is started at each first state, and the
    difference between the second state and its forecast, divided by the step, is
    regressed on a library of candidate terms by a sparse Bayesian regression. What
    comes out is an equation for h, and a corrected model.

    Parameters
    ----------
    model : callable or None, default=None
        One-step model: takes states (n, n_features) to those ``dt`` later, all rows at
        once. With a step for each sample it is called as ``model(X, dt)``, and with
        states of the step before as ``model(X, history=...)``. None stands for
        persistence, so that h is the whole right-hand side.
    dt : float, default=1.0
        Time between the two states of a pair.
    library : transformer or None, default=None
        Candidate terms. Libraries of this package share coefficients between grid
        points; any other transformer of states gives one equation per component.
        None means polynomials of degree 2 with a constant.
    regressor : regressor or None, default=None
        Sparse regressor with ``coef_``. None means a
        :class:`~skgeo.linear_model.SparseBayesianRegressor` without intercept, which
        takes out terms below about 1 % of the increments (``threshold_lambda=1e4``)
        and those within about four standard errors of zero (``min_gain=8``).
    filter : EnsembleKalmanFilter or None, default=None
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
        With ``evaluate_at="tangent"``: drop terms, weakest first, that explain no
        more of the increments than the error of the finite step is estimated to be,
        and fit the rest by least squares. That error is small but not random, and a
        sparse regression with many rows would explain it by further terms.
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
        for dependence between the rows of a sample. They do not contain the
        error of order ``dt`` or ``dt**2`` of the method itself.
    intercept_ : ndarray of shape (n_equations,)
        Constants, where the regressor fits one.
    feature_names_ : list of str
        Names of the terms.
    equation_names_ : list of str
        Left-hand sides.
    skill_ : float
        Part of the squared increments that the terms explain, on the training data:
        1 is perfect, 0 no gain.
    n_terms_ : int
        Number of terms kept.
    diagnostics_ : dict
        ``relative_error``: increments over the tendency of the model;
        ``condition_number`` of the library; ``alias_cosine`` between discovered terms
        and tendency; ``step_effect``: how much the terms change along a step,
        relative to their size;
        ``signal_to_noise`` of the increments (with a filter, else infinite).
    library_, regressors_, filter_ : objects
        Fitted parts.
    n_features_in_ : int
        Width of X.

    Raises
    ------
    ValueError
        If the model blows up, changes the shape of the states, or the library does
        not fit them.

    Warns
    -----
    ModelErrorWarning
        If the model is perfect, the library collinear, rows too few, the step too
        long or too short for the noise, or the terms repeat the model's tendency.

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
    >>> medida = MEDIDA(Lorenz63(xz=0.0).flow(0.01, 5), dt=0.01)
    >>> print("\n".join(medida.fit(pairs.X, pairs.y).equations(2)))
    x0_t = model
    x1_t = model - 1.00 x0 x2
    x2_t = model
    """

    _param_rules = {
        "model": Null() | Callable(),
        "dt": Real(0.0, closed="neither"),
        "library": Null() | Has("fit", "transform"),
        "regressor": Null() | Has("fit", "predict"),
        "filter": Null() | Has("fit", "transform"),
        "evaluate_at": OneOf("tangent", "end", "start", "midpoint"),
        "gain_matched": Boolean(),
        "prune_step_error": Boolean(),
        "tangent_step": Real(0.0, 0.1, closed="right"),
        "min_relative_error": Real(0.0),
        "n_substeps": Integer(1),
        "on_blowup": OneOf("raise", "drop"),
    }

    def __init__(
        self,
        model=None,
        dt=1.0,
        *,
        library=None,
        regressor=None,
        filter=None,
        evaluate_at="tangent",
        gain_matched=True,
        prune_step_error=True,
        tangent_step=1e-5,
        min_relative_error=1e-6,
        n_substeps=1,
        on_blowup="raise",
    ):
        self.model = model
        self.dt = dt
        self.library = library
        self.regressor = regressor
        self.filter = filter
        self.evaluate_at = evaluate_at
        self.gain_matched = gain_matched
        self.prune_step_error = prune_step_error
        self.tangent_step = tangent_step
        self.min_relative_error = min_relative_error
        self.n_substeps = n_substeps
        self.on_blowup = on_blowup

    def fit(self, X, y, *, dt=None, history=None):
        """Discover the terms that the model lacks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observed states.
        y : array-like of shape (n_samples, n_features)
            Observed states one step later.
        dt : array-like of shape (n_samples,), optional
            Step of each pair, where they differ; handed to the model.
        history : array-like of shape (n_samples, n_features), optional
            States one step before X, for models of two steps. They are not filtered.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        check_params(self)
        X, y = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            multi_output=True,
            y_numeric=True,
            ensure_min_samples=2,
        )
        self._single_output = y.ndim == 1
        Y = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        self._baseline = check_width(X, Y, self.model, self.filter)
        dt, history = check_extras(X, dt, history)
        X, Y = self._fit_filter(X, Y)
        F = self._forecast(X, Y.shape[1], dt, history)
        X, Y, F, dt, history = drop_blown_up(X, Y, F, dt, history, self.on_blowup)
        steps = np.full((len(X), 1), float(self.dt)) if dt is None else dt[:, None]

        if self.library is None:
            self.library_ = PolynomialFeatures(2)
        else:
            self.library_ = clone(self.library)
        self._terms = Terms(self.library_.fit(X), X, Y.shape[1])
        self.feature_names_ = self._terms.names
        self.equation_names_ = self._terms.equation_names(self._state_names())
        self.diagnostics_ = {}
        if self._is_perfect(X, Y, F, steps):
            shape = (self._terms.n_equations, len(self.feature_names_))
            self.coef_, self.coef_std_ = np.zeros(shape), np.zeros(shape)
            self.intercept_ = np.zeros(shape[0])
            self.regressors_, self.n_terms_, self.skill_ = [], 0, 0.0
            return self

        design = build_design(
            self._terms,
            self.model,
            X,
            Y,
            F,
            steps,
            evaluate_at=self.evaluate_at if self._baseline else "start",
            project=self._projection(),
            step_size=self.tangent_step,
            per_sample=dt,
            history=history,
        )
        self._discover(design, X, Y, F, steps)
        return self

    # -- preparation of fit ---------------------------------------------------------

    def _fit_filter(self, X, Y):
        if self.filter is None:
            return X, Y
        self.filter_ = clone(self.filter).fit(np.concatenate([X, Y]))
        return self.filter_.transform(X), self.filter_.transform(Y)

    def _forecast(self, X, width, dt, history):
        if not self._baseline:
            return np.zeros((len(X), width))
        return call_model(self.model, X, dt, history)

    def _state_names(self):
        names = getattr(self, "feature_names_in_", None)
        if names is not None:
            return list(names)
        return [f"x{i}" for i in range(self.n_features_in_)]

    def _projection(self):
        if self.filter is None or not self.gain_matched:
            return None
        return getattr(self.filter_, "to_modes", None)

    def _is_perfect(self, X, Y, F, steps):
        error = rms((Y - F) / steps)
        pace = rms((F - X) / steps) if self.model is not None else 0.0
        relative = error / pace if pace > 0 else np.inf
        if error <= 1e-14 * rms(Y / steps):
            relative = 0.0  # increments at the level of rounding
        self.diagnostics_["relative_error"] = relative
        if relative >= max(self.min_relative_error, np.finfo(float).tiny):
            return False
        tell(
            f"The model is perfect as far as these data show: its errors are "
            f"{relative:.1e} of its tendency (min_relative_error). All coefficients "
            "are zero.",
        )
        return True

    def _discover(self, design, X, Y, F, steps):
        project, terms = self._projection(), self._terms
        shape = (terms.n_equations, len(self.feature_names_))

        def rows(V):
            return V[:, terms.mask] if project is None else project(V)

        def end_of(coef):
            return rows(terms.tendency(Y, coef.reshape(shape), np.zeros(shape[0])))

        tangent = self.evaluate_at == "tangent" and self._baseline
        weight = None
        if self.filter is not None and np.ptp(steps) > 0:
            # The noise of an increment falls with the length of the step.
            weight = steps / steps.mean()
        regressor = self.regressor
        if regressor is None:
            # A gain of 8 in log evidence asks a term to be about four standard errors
            # from zero: with tens of candidates, chance hardly reaches that.
            regressor = SparseBayesianRegressor(
                fit_intercept=False, threshold_lambda=1e4, min_gain=8.0
            )
        found = discover(
            design,
            regressor,
            weight=weight,
            end_of=end_of if tangent else None,
            prune=self.prune_step_error,
        )
        self.regressors_, self.skill_ = found.regressors, found.skill
        self.coef_, self.coef_std_ = found.coef.reshape(shape), found.std.reshape(shape)
        self.intercept_ = np.zeros(shape[0])
        if found.constant.any():
            self.intercept_ = found.constant
        self.n_terms_ = int(np.count_nonzero(self.coef_))

        pace, far = None, False
        if self.model is not None:
            pace = rows((F - X) / steps)
            pace = pace.reshape(len(X), len(design.target), -1).transpose(1, 0, 2)
            far = rms(F - X) > 10 * rms(X)
        noise = 0.0
        if self.filter is not None:
            name = "analysis_std_" if project is None else "obs_noise_std_"
            noise = np.sqrt(
                2 * np.mean((getattr(self.filter_, name, 0.0) / steps) ** 2)
            )
        self.diagnostics_ |= tell_about(
            design,
            found,
            self.feature_names_,
            plain=terms.terms(Y if self._baseline else X).reshape(shape[1], -1).T,
            pace=pace,
            noise=noise,
            far=far,
        )

    # -- use ------------------------------------------------------------------------

    def corrected_model(self, dt=None):
        """Return the model with the discovered terms, picklable if the model is.

        Parameters
        ----------
        dt : float, optional
            Time of one step; that of the estimator by default.

        Returns
        -------
        model : CorrectedModel
            ``model(X)`` advances states by one step, ``model.simulate(X, n_steps)``
            by many.
        """
        check_is_fitted(self)
        return CorrectedModel(
            self.model if dt is None or self.model is None else Redated(self.model, dt),
            self._terms,
            self.coef_,
            self.intercept_,
            self.dt if dt is None else dt,
            self.n_substeps,
        )

    def predict(self, X, *, dt=None, history=None):
        """Advance states by one step of the corrected model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observed states; filtered first if there is a filter.
        dt : array-like of shape (n_samples,), optional
            Step of each sample.
        history : array-like of shape (n_samples, n_features), optional
            States one step before X.

        Returns
        -------
        y : ndarray of shape (n_samples, n_features)
            Corrected next states.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        dt, history = check_extras(X, dt, history)
        if not self._baseline:
            step = self.dt if dt is None else dt[:, None]
            out = step * self._terms.tendency(X, self.coef_, self.intercept_)
        else:
            if self.filter is not None:
                X = self.filter_.transform(X)
            model = self.corrected_model()
            out = model(X, dt, history)
        bad = np.flatnonzero(~np.isfinite(out).all(axis=1))
        if len(bad):
            raise ValueError(
                f"The corrected model blew up on {len(bad)} of {len(X)} samples "
                f"(indices {bad[:5].tolist()}): raise n_substeps, or check the states."
            )
        return out[:, 0] if self._single_output else out

    def skill_score(self, X, y, *, dt=None, history=None):
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
        corrected = np.reshape(self.predict(X, dt=dt, history=history), (len(X), -1))
        X = validate_data(self, X, dtype=np.float64, reset=False)
        dt, history = check_extras(X, dt, history)
        Y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        Y = Y.reshape(len(X), -1)
        if self.filter is not None:
            X, Y = self.filter_.transform(X), self.filter_.transform(Y)
        model = self._forecast(X, Y.shape[1], dt, history)
        errors = [Y - corrected, Y - model]
        project = self._projection()
        if project is not None:
            errors = [project(e) for e in errors]
        size = np.abs(errors[1]).max()
        if not np.isfinite(size):
            raise ValueError(
                "The model blew up: its error, and the skill, are undefined."
            )
        if size == 0:
            return 0.0
        left, total = (np.sum((e / size) ** 2) for e in errors)
        return float(1 - left / total)

    def equations(self, precision=4, *, std=False):
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
