"""Channel estimation for MIMO links aided by an intelligent reflecting surface."""

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skgeo.utils.params import (
    Boolean,
    Integer,
    InvalidParameterError,
    RandomState,
    Real,
    check_params,
)

__all__ = ["make_irs_mimo"]


_RULES = {
    **dict.fromkeys(
        ("n_samples", "n_transmit", "n_receive", "n_elements", "n_angles", "n_pilots",
         "n_patterns", "spread"), Integer(1),
    ),
    "snr": Real(-3000.0, 3000.0),
    "on_grid": Boolean(),
    "random_state": RandomState(),
}  # fmt: skip


def make_irs_mimo(
    n_samples: int = 1,
    *,
    snr: float = 20.0,
    n_transmit: int = 6,
    n_receive: int = 16,
    n_elements: int = 256,
    n_angles: int = 18,
    n_pilots: int = 3,
    n_patterns: int = 6,
    spread: int = 3,
    on_grid: bool = True,
    random_state: "int | np.random.RandomState | None" = None,
) -> Bunch:
    r"""Simulate pilots received over a reflecting surface, and their sparse angles.

    A mobile station sends QPSK pilots to a base station by way of a surface of
    reflecting elements that steps through random patterns of phases 0 and pi. Each
    hop has few paths at angles on a grid uniform in the cosine (or near it): one
    departure at the station, ``spread`` adjacent arrivals at the surface, one departure
    from the surface and ``spread`` adjacent arrivals at the base, with complex Gaussian
    gains. The received pilots are :math:`y = (H_1 \otimes H_2 \otimes H_3) x + e` with
    x sparse on a product of one set of angles per mode. Defaults are those of [1]_.

    Parameters
    ----------
    n_samples : int, default=1
        Number of received vectors: same angles, new gains and noise.
    snr : float, default=20.0
        Mean received power over noise variance, in dB.
    n_transmit, n_receive : int, default=6 and 16
        Antennas of the mobile station and of the base station.
    n_elements : int, default=256
        Elements of the surface.
    n_angles : int, default=18
        Angles on the grid of each mode.
    n_pilots : int, default=3
        Pilots sent under each pattern.
    n_patterns : int, default=6
        Patterns of the surface.
    spread : int, default=3
        Adjacent angles of arrival at the surface and at the base station.
    on_grid : bool, default=True
        Angles on the grid. Otherwise each is drawn uniformly from the cell of the grid
        around its point.
    random_state : int, RandomState instance or None, default=None
        Seed of angles, gains, pilots, patterns and noise.

    Returns
    -------
    data : Bunch
        ``X`` : complex ndarray of shape (n_samples, n_patterns * n_pilots * n_receive)
            Received pilots.
        ``factors`` : list of three complex ndarrays
            Dictionary over angle differences at the surface, angles at the station
            and at the base, shapes (n_patterns, n_angles), (n_pilots, n_angles) and
            (n_receive, n_angles).
        ``codes`` : complex ndarray of shape (n_samples, n_angles ** 3) or None
            True sparse codes; None off the grid, where there are none.
        ``support`` : list of three ndarrays of int
            True angles of each mode, or the points of the grid next to them.
        ``cosines`` : list of three ndarrays of float
            Cosines of the true angles of each mode (differences at the surface).
        ``noise_variance`` : float
            Variance of the complex noise.
        ``channels`` : complex ndarray (n_samples, n_patterns, n_transmit, n_receive)
            Cascaded channel under each pattern.
        ``channel_factors`` : list of three complex ndarrays
            Mode products of codes with them are channels.
        ``angles`` : ndarray of shape (n_angles,)
            Cosines of the grid.
        ``pilots`` : complex ndarray of shape (n_transmit, n_pilots)
            Pilots.
        ``patterns`` : ndarray of shape (n_elements, n_patterns)
            Patterns of the surface.

    Raises
    ------
    ValueError
        If an argument is out of range, or ``spread`` exceeds ``n_angles``.

    See Also
    --------
    skgeo.linear_model.KroneckerSBL : Recovers the codes.

    References
    ----------
    .. [1] Y. He, G. Joseph, "Bayesian algorithms for Kronecker-structured sparse vector
       recovery with application to IRS-MIMO channel estimation", IEEE Transactions
       on Signal Processing, 2024. arXiv:2307.14719.

    Examples
    --------
    >>> from skgeo.datasets import make_irs_mimo
    >>> data = make_irs_mimo(snr=20, random_state=0)
    >>> data.X.shape, [H.shape for H in data.factors]
    ((1, 288), [(6, 18), (3, 18), (16, 18)])
    """
    given = check_params(
        "make_irs_mimo", _RULES, {
            "n_samples": n_samples, "n_transmit": n_transmit, "n_receive": n_receive,
            "n_elements": n_elements, "n_angles": n_angles, "n_pilots": n_pilots,
            "n_patterns": n_patterns, "spread": spread, "snr": snr, "on_grid": on_grid,
            "random_state": random_state,
        },
    )  # fmt: skip
    if spread > n_angles:
        raise InvalidParameterError(f"spread={spread} exceeds n_angles={n_angles}.")
    n_samples, spread = given.n_samples, given.spread
    rng = check_random_state(random_state)

    def gaussian(*shape):
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / 2**0.5

    def steering(n, at):
        return np.exp(1j * np.pi * np.outer(np.arange(n), at)) / np.sqrt(n)

    angles = 2.0 * np.arange(n_angles) / n_angles - 1.0
    bits = rng.choice([-1.0, 1.0], (2, n_transmit, n_pilots))
    pilots = (bits[0] + 1j * bits[1]) / np.sqrt(2 * n_transmit)
    patterns = rng.choice([-1.0, 1.0], (n_elements, n_patterns)) / np.sqrt(n_elements)

    departure, leaving = rng.randint(n_angles, size=2)
    arrival, base = (
        start + np.arange(spread)
        for start in rng.randint(n_angles - spread + 1, size=2)
    )
    # What the surface shows is the difference of the angles it is hit and left at.
    seen = (leaving - arrival) % n_angles
    gains = np.einsum(
        "na,nb->nab", gaussian(n_samples, spread), gaussian(n_samples, spread)
    )
    gains *= n_elements * np.sqrt(n_transmit * n_receive) / spread
    # Offsets from the grid, in cells of it, of the angles in each mode.
    offsets = [np.zeros(spread), np.zeros(1), np.zeros(spread)]
    if not on_grid:
        offsets = [rng.uniform(-0.5, 0.5, len(o)) for o in offsets]
    step = 2.0 / n_angles
    support = [seen, np.array([departure]), base]
    cosines = [angles[s] + step * o for s, o in zip(support, offsets, strict=True)]

    first = steering(n_elements, angles[:1])
    modes = [
        lambda at: patterns.T @ (first * steering(n_elements, at).conj()),
        lambda at: pilots.T @ steering(n_transmit, at).conj(),
        lambda at: steering(n_receive, at),
    ]
    factors = [mode(angles) for mode in modes]
    channel_factors = [
        factors[0], steering(n_transmit, angles).conj(), factors[2]
    ]  # fmt: skip

    def spanned(by):
        return np.einsum("nabc,ia,jb,kc->nijk", gains, *by, optimize=True)

    gains = gains[:, :, None, :]
    true = [mode(at) for mode, at in zip(modes, cosines, strict=True)]
    station = steering(n_transmit, cosines[1]).conj()
    clean = spanned(true).reshape(n_samples, -1)
    noise_variance = float(np.mean(np.abs(clean) ** 2) / 10 ** (snr / 10))
    codes = None
    if on_grid:
        codes = np.zeros((n_samples, *(n_angles,) * 3), dtype=complex)
        codes[np.ix_(np.arange(n_samples), *support)] = gains
        codes = codes.reshape(n_samples, -1)
    return Bunch(
        X=clean + np.sqrt(noise_variance) * gaussian(*clean.shape),
        factors=factors,
        codes=codes,
        support=[np.sort(s) for s in support],
        cosines=[np.sort(c) for c in cosines],
        noise_variance=noise_variance,
        channels=spanned([true[0], station, true[2]]),
        pilots=pilots,
        patterns=patterns,
        channel_factors=channel_factors,
        angles=angles,
    )
