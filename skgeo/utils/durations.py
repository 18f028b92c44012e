"""Long computations, said beforehand.

One length counts as long everywhere: ten seconds.  Where a formula gives the time,
:func:`announce` is called before the work begins; where only the work itself shows it,
:class:`Pace` looks at the first steps.
"""

import time

from skgeo.exceptions import LongFitWarning
from skgeo.utils.warn import warn_user

__all__ = ["EARLIER", "LONG", "Pace", "announce"]

LONG = 10.0  # seconds
# How to shorten an iteration that ends when it has converged.
EARLIER = "It ends earlier when it converges; a larger tol shortens it."


def announce(seconds, what, remedy):
    """Warn of a computation that will be long.

    Parameters
    ----------
    seconds : float
        Estimate of its time.
    what : str
        What will take so long: the subject of the sentence.
    remedy : str
        How to shorten or watch it, a sentence.

    Warns
    -----
    LongFitWarning
        If it is long.
    """
    if seconds > LONG:
        warn_user(
            f"{what} will take up to {_in_words(seconds)}. {remedy}", LongFitWarning
        )


def _in_words(seconds):
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours"


class Pace:
    """Announce a loop whose first steps show that it will be long.

    Its clock is the time of the thread, which a busy machine does not stretch, and
    starts with the end of the first step, which may have compiled something.

    Parameters
    ----------
    n_steps : int
        Maximum number of steps.
    remedy : str
        How to shorten the loop, a sentence.
    """

    # Shorter runs are over before a warning would help.
    _LOOK = LONG / 2

    def __init__(self, n_steps, remedy):
        self.n_steps, self.remedy = n_steps, remedy
        self.n_done, self.start, self.told = 0, None, False

    def step(self):
        """Count a step, and say so once if the others will take long."""
        self.n_done += 1
        if self.told:
            return
        if self.start is None:
            self.start = time.thread_time()
            return
        past = time.thread_time() - self.start
        if past < self._LOOK:
            return
        self.told = True
        left = self.n_steps - self.n_done
        announce(
            left * past / (self.n_done - 1),
            f"{self.n_done} iterations took {past:.0f} seconds; the {left} that may "
            "follow",
            f"{self.remedy} Callbacks (set_callbacks) show the progress.",
        )
