"""How far a fit has come, whether it may stop, and how long it may take."""

from collections.abc import Callable

from skgeo.exceptions import ModelErrorWarning
from skgeo.utils.durations import announce
from skgeo.utils.warn import warn_user

__all__ = ["Progress", "announce_discovery"]

_SECONDS_PER_PRODUCT = 4e-10  # of a regression, one thread
_REGRESSIONS = 10  # of all columns, with rounds for the noise and the step error


class Progress:
    """Progress of a discovery.

    Parameters
    ----------
    tick : callable
        Called with a dict after each part of the work; a true answer asks to stop.
    """

    def __init__(self, tick: Callable = lambda state: False) -> None:
        self.tick, self.n_done, self.stopped = tick, 0, False

    def __call__(self, stage: str) -> bool:
        """Report a part of the work, and return whether to stop after the regression.

        Equations need every column and one regression each; what comes after these
        only makes them better.
        """
        self.n_done += 1
        if self.tick({"stage": stage, "n_iter": self.n_done}):
            self.stopped = True
        return self.stopped

    def warn_if_stopped(self) -> None:
        """Say what a fit that was stopped lacks."""
        if self.stopped:
            warn_user(
                "A callback stopped the fit: the noise of the equations, and the error "
                "of the finite step, may not have been taken into account.",
                ModelErrorWarning,
            )


def announce_discovery(
    terms, n_rows, coupled=False, tangents=False, seconds_per_call=0.0
):
    """Say so if a fit will be long.

    Parameters
    ----------
    terms : Terms
        The library.
    n_rows : int
        Number of rows of one equation.
    coupled : bool, default=False
        Whether one regression fits all equations.
    tangents : bool, default=False
        Whether the model is called for every column.
    seconds_per_call : float, default=0.0
        Time that one call of the model took.
    """
    columns, n_regressions = len(terms.names), terms.n_equations
    if coupled:
        columns, n_regressions = columns * n_regressions, 1
        n_rows *= terms.n_equations
    products = float(n_rows) * columns * min(columns, n_rows)
    seconds = _SECONDS_PER_PRODUCT * products * n_regressions * _REGRESSIONS
    if tangents:
        seconds += seconds_per_call * columns
    announce(
        seconds,
        f"The discovery among {columns} columns of {n_rows} rows",
        "Shrink the library, take fewer pairs, or watch it with set_callbacks.",
    )
