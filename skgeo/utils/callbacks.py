"""Progress and early stopping through scikit-learn's callbacks (>= 1.9).

A solver takes ``callback``, a function it calls once per outer iteration with a
dictionary of its current state; a true answer means *stop*.  An estimator gets such
a function from :meth:`CallbackMixin._iterations`::

    @with_callbacks
    def fit(self, X, y=None):
        ...
        with self._iterations(self.max_iter, X=X, y=y, attributes=to_attrs) as tick:
            result = solve(X, callback=tick)

On scikit-learn below 1.9 the function does nothing and costs nothing.
"""

from contextlib import contextmanager
from functools import partial

from skgeo.utils.durations import Pace

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9 has no callbacks

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is: there are no callbacks to manage."""
        return method


__all__ = ["CallbackMixin", "with_callbacks"]


def _never_stop(state=None):
    return False


class CallbackMixin(CallbackSupportMixin):
    """Give an estimator with an iterative ``fit`` scikit-learn's callbacks."""

    @contextmanager
    def _iterations(
        self, max_iter, *, X=None, y=None, attributes=None, name="fit", remedy=None
    ):
        """Open the callback context of a fit.

        Parameters
        ----------
        max_iter : int or None
            Maximum number of outer iterations; None when it is not known.
        X, y : array-like, optional
            Training data, handed to callbacks that ask for it.
        attributes : callable, optional
            Turns the solver's state into the fitted attributes as of now, so that a
            callback can score the model while it is being fitted.
        name : str, default="fit"
            Name of the task.
        remedy : str, optional
            How to shorten the fit, a sentence: the first iterations are timed, and a
            warning says so if the others will take long.  For fits whose time no
            formula gives beforehand.

        Yields
        ------
        tick : callable
            Call it after each outer iteration with the solver's state (a dict);
            true means that a callback asks to stop.
        """
        pace = Pace(max_iter, remedy).step if remedy else None
        if not getattr(self, "_skl_callbacks", None):
            yield _never_stop if pace is None else lambda state=None: pace()
            return

        root = self._init_callback_context(name, max_subtasks=max_iter)
        root.call_on_fit_task_begin(estimator=self, X=X, y=y)

        def tick(state=None):
            # Callbacks see an iteration when it is over: begin and end together, so
            # that a solver needs one hook only.
            iteration = root.subcontext(task_name="iteration")
            iteration.call_on_fit_task_begin(estimator=self, X=X, y=y)
            if pace is not None:
                pace()
            fitted = None
            if attributes is not None and state is not None:
                fitted = partial(attributes, state)
            return iteration.call_on_fit_task_end(
                estimator=self, X=X, y=y, reconstruction_attributes=fitted
            )

        yield tick
        root.call_on_fit_task_end(estimator=self, X=X, y=y)
