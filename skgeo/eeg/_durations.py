"""How long fits will take, said beforehand."""

from skgeo.utils.warn import warn_user

__all__ = ["seconds_of_logs", "warn_if_long"]

# A minute is when one wants to know.
_LONG = 60.0


def seconds_of_logs(n_trials, n_rows):
    """Estimate the time of covariances and logarithms on one core.

    Parameters
    ----------
    n_trials : int
        Number of trials.
    n_rows : int
        Rows of a covariance.

    Returns
    -------
    seconds : float
        Twice 1.2 ns times the third power of the rows and 10 microseconds, which one
        pass took (8 to 128 rows, 481 times): large sets are gone over twice.
    """
    return n_trials * (2.4e-9 * n_rows**3 + 2e-5)


def warn_if_long(seconds, what, remedy):
    """Warn of a fit of more than a minute.

    Parameters
    ----------
    seconds : float
        Estimate.
    what : str
        What takes so long.
    remedy : str
        How to make it shorter.

    Warns
    -----
    UserWarning
        If it is long.
    """
    if seconds > _LONG:
        warn_user(
            f"The fit will take about {max(2, round(seconds / 60))} minutes or more "
            f"({what}). {remedy}"
        )
