"""How long fits will take."""

__all__ = ["seconds_of_logs"]


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
