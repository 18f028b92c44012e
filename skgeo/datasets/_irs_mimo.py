"""Channel estimation for MIMO links aided by an intelligent reflecting surface."""

import numbers

import numpy as np
from sklearn.utils import Bunch, check_random_state

__all__ = ["make_irs_mimo"]


def make_irs_mimo(
    n_samples=1,
    *,
    snr=20.0,
    n_transmit=6,
    n_receive=16,
    n_elements=256,
    n_angles=18,
    n_pilots=3,
    n_patterns=6,
    spread=3,
    random_state=None,
):
    r"""Simulate pilots received over a reflecting surface, and their sparse angles.

    A mobile station sends QPSK pilots to a base station by way of a surface of
    reflecting elements that steps through random patterns of phases 0 and pi. Each
    hop has few paths at angles on a grid uniform in the cosine: one departure at the
    station, ``spread`` adjacent arrivals at the surface, one departure from the surface
    and ``spread`` adjacent arrivals at the base, with complex Gaussian gains. The
    received pilots are :math:`y = (H_1 \otimes H_2 \otimes H_3) x + e` with x sparse on
    a product of one set of angles per mode. Defaults are the set-up of [1]_.

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
        ``codes`` : complex ndarray of shape (n_samples, n_angles ** 3)
            True sparse codes.
        ``support`` : list of three ndarrays of int
            True angles of each mode.
        ``noise_variance`` : float
            Variance of the complex noise.
        ``channels`` : complex ndarray (n_samples, n_patterns, n_transmit, n_receive)
            Cascaded channel under each pattern.
        ``channel_factors`` : list of three complex ndarrays
            Mode products of codes with them are channels.
        ``angles`` : ndarray of shape (n_angles,)
            Cosines of the grid.

    Raises
    ------
    ValueError
        If a number is not a positive integer, or ``spread`` exceeds ``n_angles``.

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
    sizes = {
        "n_samples": n_samples, "n_transmit": n_transmit, "n_receive": n_receive,
        "n_elements": n_elements, "n_angles": n_angles, "n_pilots": n_pilots,
        "n_patterns": n_patterns, "spread": spread,
    }  # fmt: skip
    for name, value in sizes.items():
        if not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(f"{name} must be a positive integer; got {value!r}.")
    if spread > n_angles:
        raise ValueError(f"spread={spread} exceeds n_angles={n_angles}.")
    if not isinstance(snr, numbers.Real) or not np.isfinite(snr):
        raise ValueError(f"snr must be a finite number of dB; got {snr!r}.")
    rng = check_random_state(random_state)

    def gaussian(*shape):
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / 2**0.5

    def steering(n):
        return np.exp(1j * np.pi * np.outer(np.arange(n), angles)) / np.sqrt(n)

    angles = 2.0 * np.arange(n_angles) / n_angles - 1.0
    transmit, receive = steering(n_transmit), steering(n_receive)
    surface = steering(n_elements)
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
    codes = np.zeros((n_samples, *(n_angles,) * 3), dtype=complex)
    codes[:, seen[:, None], departure, base] = gains

    reflection = patterns.T @ (surface[:, :1] * surface.conj())
    factors = [reflection, pilots.T @ transmit.conj(), receive]
    channel_factors = [reflection, transmit.conj(), receive]

    def spanned(by):
        return np.einsum("nabc,ia,jb,kc->nijk", codes, *by, optimize=True)

    clean = spanned(factors).reshape(n_samples, -1)
    noise_variance = float(np.mean(np.abs(clean) ** 2) / 10 ** (snr / 10))
    return Bunch(
        X=clean + np.sqrt(noise_variance) * gaussian(*clean.shape),
        factors=factors,
        codes=codes.reshape(n_samples, -1),
        support=[np.sort(seen), np.array([departure]), base],
        noise_variance=noise_variance,
        channels=spanned(channel_factors),
        channel_factors=channel_factors,
        angles=angles,
    )
