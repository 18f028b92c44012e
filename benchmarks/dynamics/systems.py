"""Imperfect models with known errors: ordinary and partial differential equations."""

from functools import partial

import numpy as np

N_GRID, LENGTH = 64, 20.0


class Stepper:
    """Classical Runge-Kutta model of a tendency: ``model(X, dt)``."""

    def __init__(self, rate, dt, longest=0.02):
        self.rate, self.dt, self.longest = rate, dt, longest

    def __call__(self, X, dt=None):
        dt = self.dt if dt is None else float(np.max(dt))
        n_steps = max(4, int(np.ceil(dt / self.longest)))
        X, h = np.array(X, dtype=float), dt / n_steps
        for _ in range(n_steps):
            a = self.rate(X)
            b = self.rate(X + h / 2 * a)
            c = self.rate(X + h / 2 * b)
            d = self.rate(X + h * c)
            X = X + h / 6 * (a + 2 * b + 2 * c + d)
        return X


def _columns(*parts):
    return np.stack(np.broadcast_arrays(*parts), axis=1)


def duffing(X, damping=0.15, linear=1.0, cubic=1.0):
    x, v = X.T
    return _columns(v, -damping * v + linear * x - cubic * x**3)


def pendulum(X, damping=0.3, stiffness=2.0, cubic=1 / 3, force=0.5):
    x, v, phase = X.T
    push = force * np.cos(phase)
    return _columns(v, -damping * v - stiffness * x + cubic * x**3 + push, 1.0)


def lotka_volterra(X, growth=1.0, predation=0.5, limit=0.0):
    x, y = X.T
    return _columns(
        growth * x - predation * x * y - limit * x**2, -0.5 * y + 0.3 * x * y
    )


def van_der_pol(X, mu=1.5, limit=1.5):
    x, v = X.T
    return _columns(v, mu * v - limit * x**2 * v - x)


def fitzhugh_nagumo(X, cubic=1 / 3, rate=0.08):
    x, y = X.T
    return _columns(x - cubic * x**3 - y + 0.5, rate * (x + 0.7 - 0.8 * y))


def roessler(X, c=5.7):
    x, y, z = X.T
    return _columns(-y - z, x + 0.2 * y, 0.2 + z * (x - c))


def lorenz63(X, sigma=10.0, rho=28.0):
    x, y, z = X.T
    return _columns(sigma * (y - x), x * (rho - z) - y, x * y - 8 / 3 * z)


# Name -> tendency, changed arguments of the truth, of the model, missing terms as
# (equation, name): coefficient, degree of the library, largest step.
ODES = {
    "Duffing, damping .15 and cubic": (
        duffing, {}, {"damping": 0.0, "cubic": 0.0},
        {(1, "x1"): -0.15, (1, "x0^3"): -1.0}, 3,
    ),
    "Duffing, damping .05 and cubic": (
        duffing, {"damping": 0.05}, {"damping": 0.0, "cubic": 0.0},
        {(1, "x1"): -0.05, (1, "x0^3"): -1.0}, 3,
    ),
    "Duffing, damping .6 and cubic": (
        duffing, {"damping": 0.6}, {"damping": 0.0, "cubic": 0.0},
        {(1, "x1"): -0.6, (1, "x0^3"): -1.0}, 3,
    ),
    "Duffing, cubic": (duffing, {}, {"cubic": 0.0}, {(1, "x0^3"): -1.0}, 3),
    "pendulum, damping and cubic": (
        pendulum, {}, {"damping": 0.0, "cubic": 0.0},
        {(1, "x1"): -0.3, (1, "x0^3"): 1 / 3}, 3,
    ),
    "Lotka-Volterra, predation": (
        lotka_volterra, {}, {"predation": 0.0}, {(0, "x0 x1"): -0.5}, 2,
    ),
    "Lotka-Volterra, growth and limit": (
        lotka_volterra, {"limit": 0.05}, {"growth": 1.2},
        {(0, "x0"): -0.2, (0, "x0^2"): -0.05}, 2,
    ),
    "van der Pol, nonlinear damping": (
        van_der_pol, {}, {"limit": 0.0}, {(1, "x0^2 x1"): -1.5}, 3,
    ),
    "van der Pol, mu": (
        van_der_pol, {}, {"mu": 1.45, "limit": 1.45},
        {(1, "x1"): 0.05, (1, "x0^2 x1"): -0.05}, 3,
    ),
    "FitzHugh-Nagumo, cubic": (
        fitzhugh_nagumo, {}, {"cubic": 0.0}, {(0, "x0^3"): -1 / 3}, 3,
    ),
    "FitzHugh-Nagumo, recovery": (
        fitzhugh_nagumo, {}, {"rate": 0.06},
        {(1, "1"): 0.014, (1, "x0"): 0.02, (1, "x1"): -0.016}, 3,
    ),
    "Roessler, c": (roessler, {}, {"c": 5.5}, {(2, "x2"): -0.2}, 2),
    "Lorenz-63, rho": (lorenz63, {}, {"rho": 26.0}, {(1, "x0"): 2.0}, 2),
    "Lorenz-63, sigma": (
        lorenz63, {}, {"sigma": 9.0}, {(0, "x0"): -1.0, (0, "x1"): 1.0}, 2,
    ),
}  # fmt: skip
# Attractors have their own states and faster times.
FAST = {lorenz63: 0.1}


def ode_states(rate, rng, n=400):
    """States to start from: a box, or the attractor."""
    boxes = {
        duffing: (1.5, 1.5),
        pendulum: (1.5, 1.5, 3.0),
        van_der_pol: (2.0, 2.0),
        fitzhugh_nagumo: (2.0, 1.0),
    }
    if rate in boxes:
        return rng.uniform(-1, 1, (n, len(boxes[rate]))) * boxes[rate]
    start, gap = {
        lorenz63: ((1.0, 1.0, 25.0), 0.5),
        roessler: ((1.0, 1.0, 1.0), 2.0),
        lotka_volterra: ((2.0, 1.0), 0.37),
    }[rate]
    X = np.array(start) * (1 + 0.2 * rng.standard_normal((20, len(start))))
    step = Stepper(rate, gap, 0.01)
    for _ in range(30):
        X = step(X)
    rounds = []
    for _ in range(n // 20):
        X = step(X)
        rounds.append(X)
    return np.concatenate(rounds)


def ode_case(name, dt, noise, rng):
    """One problem: X, y, model, missing terms, degree."""
    rate, true, false, terms, degree = ODES[name]
    dt = dt * FAST.get(rate, 1.0)
    X = ode_states(rate, rng)
    y = Stepper(partial(rate, **true), dt, dt / 20)(X)
    X, y = (v + noise * X.std() * rng.standard_normal(X.shape) for v in (X, y))
    return X, y, Stepper(partial(rate, **false), dt), dt, terms, degree


class Spectral:
    """Fields on a ring: linear part exactly, the rest by a two-stage scheme."""

    def __init__(self, linear, rest, dt, n_fields=1, longest=0.01):
        self.linear, self.rest, self.dt = linear, rest, dt
        self.n_fields, self.longest = n_fields, longest

    def __call__(self, X, dt=None):
        dt = self.dt if dt is None else float(np.max(dt))
        n_steps = max(1, round(dt / self.longest))
        h = dt / n_steps
        k = 2 * np.pi * np.fft.rfftfreq(N_GRID, LENGTH / N_GRID)
        symbol = np.stack(self.linear(k)) * h
        grown = np.exp(symbol)
        small = np.abs(symbol) < 1e-4
        safe = np.where(small, 1.0, symbol)
        phi1 = np.where(small, 1 + symbol / 2, (grown - 1) / safe)
        phi2 = np.where(small, 0.5 + symbol / 6, (grown - 1 - symbol) / safe**2)
        V = np.fft.rfft(np.reshape(X, (-1, self.n_fields, N_GRID)), axis=2)

        def tendency(V):
            U = np.fft.irfft(V, N_GRID, axis=2)
            return np.fft.rfft(np.stack(self.rest(*U.transpose(1, 0, 2)), 1), axis=2)

        for _ in range(n_steps):
            N = tendency(V)
            A = grown * V + h * phi1 * N
            V = A + h * phi2 * (tendency(A) - N)
        return np.fft.irfft(V, N_GRID, axis=2).reshape(len(X), -1)


def swift_hohenberg(dt, r=0.6, quadratic=0.8):
    return Spectral(
        lambda k: [r - (1 - k**2) ** 2], lambda u: [quadratic * u**2 - u**3], dt
    )


def allen_cahn(dt, diffusion=0.1, cubic=1.0):
    return Spectral(lambda k: [-diffusion * k**2], lambda u: [u - cubic * u**3], dt)


def burgers(dt, viscosity=0.1, advection=1.0):
    k = 2j * np.pi * np.fft.rfftfreq(N_GRID, LENGTH / N_GRID)
    k[-1] = 0

    def rest(u):
        flux = np.fft.rfft(u * u / 2, axis=1)
        return [-advection * np.fft.irfft(k * flux, N_GRID, axis=1)]

    return Spectral(lambda q: [-viscosity * q**2], rest, dt)


def fitzhugh_nagumo_fields(dt, diffusion=0.2, cubic=1 / 3):
    return Spectral(
        lambda k: [-0.05 * k**2, -diffusion * k**2],
        lambda u, v: [u - cubic * u**3 - v + 0.3, 0.1 * (u - 0.8 * v)],
        dt,
        2,
    )


PDES = {
    "Swift-Hohenberg, u^2": (
        swift_hohenberg, {"quadratic": 0.0}, {(0, "u^2"): 0.8},
    ),
    "Swift-Hohenberg, r": (swift_hohenberg, {"r": 0.5}, {(0, "u"): 0.1}),
    "Swift-Hohenberg, both": (
        swift_hohenberg, {"r": 0.5, "quadratic": 0.0}, {(0, "u"): 0.1, (0, "u^2"): 0.8},
    ),
    "Allen-Cahn, cubic": (allen_cahn, {"cubic": 0.0}, {(0, "u^3"): -1.0}),
    "Allen-Cahn, diffusion": (allen_cahn, {"diffusion": 0.07}, {(0, "u_xx"): 0.03}),
    "Allen-Cahn, both": (
        allen_cahn, {"diffusion": 0.07, "cubic": 0.0},
        {(0, "u_xx"): 0.03, (0, "u^3"): -1.0},
    ),
    "Burgers, viscosity": (burgers, {"viscosity": 0.05}, {(0, "u_xx"): 0.05}),
    "Burgers, advection": (burgers, {"advection": 0.0}, {(0, "u u_x"): -1.0}),
    "Burgers, both": (
        burgers, {"viscosity": 0.08, "advection": 0.0},
        {(0, "u u_x"): -1.0, (0, "u_xx"): 0.02},
    ),
    "FitzHugh-Nagumo fields, cubic": (
        fitzhugh_nagumo_fields, {"cubic": 0.0}, {(0, "u^3"): -1 / 3},
    ),
    "FitzHugh-Nagumo fields, diffusion": (
        fitzhugh_nagumo_fields, {"diffusion": 0.1}, {(1, "v_xx"): 0.1},
    ),
}  # fmt: skip


def pde_case(name, dt, noise, rng, n=20):
    """One problem: X, y, model, missing terms, names of the fields."""
    make, false, terms = PDES[name]
    truth = make(1.0)
    x = np.arange(N_GRID) * LENGTH / N_GRID
    fields = []
    for _ in range(truth.n_fields):
        waves = np.arange(1, 8)[:, None]
        amplitude = rng.standard_normal((n, 7)) / np.arange(1, 8)
        phase = rng.uniform(0, 2 * np.pi, (n, 7, 1))
        angle = 2 * np.pi * waves * x / LENGTH + phase
        fields.append(0.5 * np.einsum("nk,nkx->nx", amplitude, np.cos(angle)))
    first = truth(np.hstack(fields))
    X = np.concatenate([first, truth(first)])
    y = make(dt)(X)
    sd = noise * X.std()
    X, y = (v + sd * rng.standard_normal(X.shape) for v in (X, y))
    names = ("u", "v")[: truth.n_fields]
    return X, y, make(dt, **false), sd, terms, names
