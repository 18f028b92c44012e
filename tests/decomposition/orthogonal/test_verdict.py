"""What a stream remembers of its codes, and what it says of them."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.decomposition._orthogonal.best import BestSoFar
from skgeo.decomposition._orthogonal.codes import correlated_atoms
from skgeo.decomposition._orthogonal.pairs import better_turns
from skgeo.decomposition._orthogonal.settings import Settings
from skgeo.decomposition._orthogonal.stream import Stream
from skgeo.decomposition._orthogonal.workspace import Workspace

N, SIZE = 5, 20
STILL = {"decay": False, "step_size": 1e-300, "gradient_weight": 1e-3}


def still_stream(seed=0, **params):
    """A stream whose dictionary does not move: codes as met are known."""
    W = np.linalg.qr(np.random.default_rng(seed).standard_normal((N, N)))[0]
    return Stream(W.copy(), np.empty((SIZE, N)), Settings(**STILL, **params))


def powers(p):
    return np.array([p - 2, 2, p, 2 * p - 2])[:, None]


def sums(codes, p):
    return np.array([(np.abs(codes) ** k).sum(axis=0) for k in powers(p)[:, 0]])


@pytest.mark.parametrize("p", [3, 4])
def test_tally_begins_anew_at_each_verdict(p):
    stream = still_stream(p=p)
    X = np.random.default_rng(1).laplace(size=(3000, N))
    codes = X @ stream.W.T
    # 200 n = 1000 rows for the first verdict, the tally from 500 on.
    for met, since in ((480, 0), (500, 500), (980, 500), (1000, 1000), (1980, 1000)):
        while stream.n_met < met:
            stream.partial_update(X[stream.n_met : stream.n_met + SIZE])
        assert stream.n_met == met
        assert stream.n_tallied == met - since
        unit = 2.0**stream.exponent
        found = stream.tally * unit ** powers(p)
        assert_allclose(found, sums(codes[since:met], p), rtol=1e-9, atol=1e-12)
    assert stream.next_verdict == 2000


@pytest.mark.parametrize("p", [3, 4])
@pytest.mark.parametrize("growth", [2.0**20, 2.0**45])
def test_tally_and_means_follow_the_unit(p, growth):
    """Data that outgrow their unit: everything kept is expressed in the new one."""
    stream = still_stream(p=p)
    rng = np.random.default_rng(2)
    X = rng.laplace(size=(400, N)) + 0.5
    stream.partial_update(X[:200])
    before = stream.exponent
    means = stream.sign_moments
    old = {k: np.array(getattr(means, k)) for k in ("square", "power", "low")}
    old = {**old, "offset": stream.offset.copy(), "energy": stream.energy}
    gradient, stream.sample = stream.G.copy(), [X[:20].copy()]
    stream._rescale(before + 30)
    shift = 2.0**-30
    for name, power in (("square", 2), ("power", p), ("low", p - 2)):
        assert_allclose(getattr(means, name), old[name] * shift**power)
    assert_allclose(stream.offset, old["offset"] * shift)
    assert_allclose(stream.energy, old["energy"] * shift**2)
    assert_allclose(stream.G, gradient * shift**p)
    assert_allclose(stream.sample[0], X[:20] * shift)
    stream._rescale(before)
    X[200:] *= growth
    stream.partial_update(X[200:])
    assert stream.exponent > before + 10
    unit = 2.0**stream.exponent
    found = stream.tally * unit ** powers(p)
    assert_allclose(found, sums(X @ stream.W.T, p), rtol=1e-9)
    assert_allclose(stream.offset * unit, X.mean(axis=0))
    assert_allclose(stream.energy * unit**2, np.mean(np.sum(X**2, axis=1)))


def judged(stream, tallied, kept):
    """The verdict of a stream over codes as met, and rows it has kept."""
    work = Workspace(stream.pending, N, stream.settings.p)
    stream.exponent, stream.n_met = 0, 200 * N - SIZE
    stream.tally[:], stream.n_tallied = sums(tallied, stream.settings.p), len(tallied)
    stream.next_verdict, stream.kept = 200 * N, kept
    stream.sample = [tallied]
    stream._judge(SIZE, work)
    assert stream.n_tallied == 0
    assert not stream.tally.any()
    assert not stream.sample
    return stream.undetermined


@pytest.mark.parametrize("p", [3, 4])
def test_what_has_just_been_found_raises_no_alarm(p):
    """Codes as met were mixtures; those of the rows kept are told apart by now."""
    stream = still_stream(p=p)
    rng = np.random.default_rng(3)
    gaussian, peaked = rng.standard_normal((500, N)), rng.laplace(size=(500, N))

    def rows(codes):
        return [codes[i : i + SIZE] @ stream.W for i in range(0, 500, SIZE)]

    everything = np.arange(N)
    assert_array_equal(judged(stream, gaussian, []), everything)
    assert_array_equal(judged(stream, gaussian, rows(gaussian)), everything)
    assert len(judged(stream, gaussian, rows(peaked))) == 0
    # What was told apart as met needs no second look.
    assert len(judged(stream, peaked, rows(gaussian))) == 0


def test_mixtures_are_named_if_the_rows_kept_say_so_too():
    stream = still_stream()
    Z = np.random.default_rng(4).choice([-1.0, 1.0], (1000, N))
    turned = Z.copy()
    turned[:, 1] = (Z[:, 1] + Z[:, 3]) / np.sqrt(2)
    turned[:, 3] = (Z[:, 1] - Z[:, 3]) / np.sqrt(2)

    def rows(codes):
        return [codes[i : i + SIZE] @ stream.W for i in range(0, 1000, SIZE)]

    stream.time_at_noise_floor = 1.0
    for kept, expected in (([], [1, 3]), (rows(turned), [1, 3]), (rows(Z), [])):
        judged(stream, turned, kept)
        assert_array_equal(stream.mixed, expected)
    judged(stream, Z, rows(turned))
    assert_array_equal(stream.mixed, [])
    stream.time_at_noise_floor = 0.0  # the gap is large: not settled yet
    judged(stream, turned, [])
    assert_array_equal(stream.mixed, [])


def test_codes_are_kept_shortly_before_a_verdict():
    stream = still_stream()
    X = np.random.default_rng(5).laplace(size=(9000, N))
    longest = 0
    for start in range(0, len(X), SIZE):
        stream.partial_update(X[start : start + SIZE])
        left = stream.next_verdict - stream.n_met
        held = sum(len(C) for C in stream.sample)
        longest = max(longest, held)
        if left > 1024 + SIZE:
            assert held == 0
    assert 1024 - SIZE <= longest <= 1024 + SIZE
    stream = Stream(stream.W, np.empty((5000, N)), Settings(**STILL))
    stream._step(
        X[:5000], Workspace(stream.pending, N, stream.settings.p)
    )  # one batch, over verdicts
    assert [len(C) for C in stream.sample] == [1024]


def test_judges_count_one_degree_of_freedom(monkeypatch):
    """A gain within three standard errors of ten runs, n - 1 of them free, is none."""
    rng = np.random.default_rng(6)
    X = rng.standard_normal((10, N))
    runs = rng.standard_normal(10)
    runs = (runs - runs.mean()) / runs.std()
    stream = still_stream()
    stream.partial_update(rng.laplace(size=(40, N)))
    for mean, better in ((3.0 / np.sqrt(9.9), False), (3.0 / np.sqrt(8.9), True)):
        best = BestSoFar(stream, X, X)
        best.first = np.zeros((10, 3))
        gain = np.repeat((runs + mean)[:, None], 3, axis=1)
        monkeypatch.setattr(BestSoFar, "_energy", lambda self, found, g=gain: g)
        best.kept = best.first
        best.offer(stream)
        assert (best.learned is not None) == better
        monkeypatch.undo()


@pytest.mark.parametrize("p", [3, 4])
def test_moments_are_those_of_the_dictionary_turned_to(p, monkeypatch):
    """Six atoms mixed by one rotation, which no turn of a pair improves alone."""
    monkeypatch.setattr(
        "skgeo.decomposition._orthogonal.stream.better_turns", lambda *args: []
    )
    rng = np.random.default_rng(7)
    D, Q = (np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in "DQ")
    X = rng.laplace(size=(4000, 6)) @ D
    stream = Stream(Q @ D, np.empty((40, 6)), Settings(p=p, **STILL))
    stream.partial_update(X[:400])
    assert stream.turn_pairs(X)
    overlap = np.abs(stream.W @ D.T)
    assert overlap.max(axis=1).min() > 0.98
    codes = np.abs(X @ stream.W.T) / 2.0**stream.exponent
    found = stream.sign_moments
    assert_allclose(found.square, (codes**2).mean(axis=0), rtol=1e-6)
    assert_allclose(found.power, (codes**p).mean(axis=0), rtol=1e-6)
    assert_allclose(found.low, (codes ** (p - 2)).mean(axis=0), rtol=1e-6)
    assert_allclose(stream.magnitudes, found.low)
    assert not stream.turn_pairs(X)  # where it is now nothing is to be gained


@pytest.mark.parametrize("seed", range(8))
def test_turns_do_not_depend_on_the_unit(seed):
    # Codes that are large together: their atoms look dependent, and no turn helps.
    rng = np.random.default_rng(seed)
    codes = rng.laplace(size=(2000, 4)) * rng.uniform(0.2, 3, (2000, 1))
    turns = better_turns(codes, np.ones(4), 3)
    assert all(abs(angle - np.pi / 2) > 0.1 for *_, angle in turns)
    for factor in (1 / 3, 1e-6, 1e6, 1e-150):
        again = better_turns(factor * codes, np.ones(4), 3)
        assert [t[:2] for t in again] == [t[:2] for t in turns]
        np.testing.assert_allclose([t[2] for t in again], [t[2] for t in turns])


def test_correlated_atoms_by_hand():
    rng = np.random.default_rng(8)
    Z = rng.laplace(size=(3000, 5))
    assert len(correlated_atoms(Z)) == 0
    Z[:, 4] = Z[:, 1] - Z[:, 3]
    assert_array_equal(correlated_atoms(Z), [1, 3, 4])
    assert_array_equal(correlated_atoms(1e200 * Z * [1, 1e3, 1, 1e-3, 1]), [1, 3, 4])
    unique = rng.laplace(size=3000)
    for share in (0.05, 0.2):  # of the variance of atom 4, which is its own
        C = Z.copy()
        C[:, 4] = np.sqrt(1 - share) * Z[:, 4] / Z[:, 4].std()
        C[:, 4] += np.sqrt(share) * unique / unique.std()
        assert (4 in correlated_atoms(C)) == (share < 0.1)
    for few in (Z[:19], 0 * Z, Z[:, :1]):
        assert len(correlated_atoms(few)) == 0


@pytest.mark.filterwarnings("error:The codes of .* all but determine each other")
def test_atoms_on_their_way_are_not_called_redundant():
    """Rows whose mean is removed do not vary in one direction, which all share."""
    rng = np.random.default_rng(4)
    X = rng.laplace(size=(2000, 24)).cumsum(axis=1)
    X -= X.mean(axis=1, keepdims=True)
    model = OnlineOrthogonalDictionary(random_state=0, max_iter=1)
    with pytest.warns(ConvergenceWarning, match="above tol"):
        model.fit(X)
    assert len(correlated_atoms(model.transform(X))) > 1


def test_directions_that_vary_too_differently_are_named():
    """Flat codes far larger than others are split: two atoms share one of them."""
    rng = np.random.default_rng(9)
    Z = rng.uniform(-1, 1, (6000, 5))
    Z[:, 3:] = 0.01 * rng.laplace(size=(6000, 2))
    D = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    model = OnlineOrthogonalDictionary(random_state=0, max_iter=15)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(Z @ D)
    told = [w for w in caught if "all but determine each other" in str(w.message)]
    assert len(told) == 1
    assert told[0].filename == __file__
    late = [str(w.message) for w in caught if w.category is ConvergenceWarning]
    assert all("still turned" in text for text in late)  # the gap itself is small
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The codes of . of . atoms, ")
        for scale in (20.0, 100.0):
            clone(model).fit(Z * [1, 1, 1, scale, scale] @ D)
        clone(model).set_params(whiten=True).fit(Z @ D)


def test_a_stream_names_codes_that_determine_each_other_once():
    X = np.random.default_rng(10).laplace(size=(4000, N))
    X[:, 3] = X[:, 0] + 0.1 * X[:, 3]
    model = OnlineOrthogonalDictionary(
        init=np.eye(N), step="constant", step_size=1e-99, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for chunk in np.split(X, 40):
            model.partial_fit(chunk)
    told = [w for w in caught if "2 of 5 atoms, 0 first" in str(w.message)]
    assert len(told) == 1
    assert told[0].filename == __file__
