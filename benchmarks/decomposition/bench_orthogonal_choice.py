"""Does the score choose the better setting, and are failures announced?

``python -m benchmarks.decomposition.bench_orthogonal_choice [--quick]``

``choice``: GridSearchCV over ``center`` and ``exponent``, three folds; the choice is
compared with the errors of all four settings fitted to all rows. A choice counts as
better where its error is at most a tenth above the lowest of the four. The mean of the
distribution is removed, not that of the rows, which would be known without centering.
The same is said of the setting with the lowest error over the folds, which a user does
not know: no score can be expected to do better.
``doubt``: codes of distributions that approach Gaussian ones, or the border between
peaked and flat. A fit has failed when its error (root mean square distance of matched
unit atoms) is above 0.3, and has recovered the atoms when it is below 0.2. It is
announced by a warning other than that of convergence; a stream, by one at any time.
Alarms are false where the atoms are recovered in the end; ``wrong when said`` counts
those among them that were so already when the warning came.
"""

import argparse
import itertools
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from benchmarks.common import save
from benchmarks.decomposition._orthogonal_data import orthogonal
from benchmarks.decomposition.bench_orthogonal_codes import DRAWS, rms
from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.utils.parallel import single_blas_thread

FAILED, RECOVERED = 0.3, 0.2


def two_valued(q):
    return lambda rng, shape: (rng.random(shape) < q) - q


def thinned(draw, share):
    return lambda rng, shape: draw(rng, shape) * (rng.random(shape) < share)


def added_to_gaussian(draw, share):
    """Codes of variance one, ``share`` of it from ``draw``, the rest Gaussian."""

    def mixed(rng, shape):
        gaussian = rng.standard_normal(shape)
        return np.sqrt(1 - share) * gaussian + np.sqrt(share) * draw(rng, shape)

    return mixed


def power_exponential(b):
    def draw(rng, shape):
        return rng.choice([-1.0, 1.0], shape) * rng.gamma(1 / b, size=shape) ** (1 / b)

    return draw


def signs(rng, shape):
    return rng.choice([-1.0, 1.0], shape)


def laplace(rng, shape):
    return rng.laplace(size=shape) / np.sqrt(2)


def sparse(rng, shape):
    return rng.standard_normal(shape) * (rng.random(shape) < 0.2) / np.sqrt(0.2)


def uniform(rng, shape):
    return rng.uniform(-1, 1, shape)


def families():
    """Distributions by family; the members of one cross or approach a border."""
    yield "Gaussian", {"": lambda rng, shape: rng.standard_normal(shape)}
    shares = (0.14, 0.18, 0.21, 0.24, 0.28, 0.35, 0.45)
    yield "two values, one with probability q", {q: two_valued(q) for q in shares}
    shares = (0.27, 0.32, 0.35, 0.38, 0.41, 0.44, 0.48, 0.55, 0.65)
    yield "0 and +-1, density", {t: thinned(signs, t) for t in shares}
    shares = (0.4, 0.52, 0.58, 0.65, 0.75, 0.85)
    yield "thinned uniform, density", {t: thinned(uniform, t) for t in shares}
    powers = (1.1, 1.4, 1.6, 1.8, 2.2, 2.6, 3.5, 6.0)
    yield "exp(-|c|^b), b", {b: power_exponential(b) for b in powers}
    for name, draw in (("Laplace", laplace), ("+-1", signs), ("sparse", sparse)):
        shares = (0.1, 0.3, 0.5, 0.7, 0.9)
        yield (
            f"Gaussian plus {name}, share",
            {w: added_to_gaussian(draw, w) for w in shares},
        )
    degrees = (4, 6, 12, 24)
    yield (
        "Student t, degrees of freedom",
        {k: lambda rng, shape, k=k: rng.standard_t(k, shape) for k in degrees},
    )
    shapes = (0.5, 2.0, 5.0, 20.0)
    yield (
        "gamma, shape",
        {k: lambda rng, shape, k=k: rng.gamma(k, size=shape) - k for k in shapes},
    )


CHOSEN_FROM = {
    **DRAWS,
    "two values, .05": lambda rng, shape: 1.0 * (rng.random(shape) < 0.05),
}
MEANS = {"non-negative": 0.2, "two values, .05": 0.05}


def choice(seeds):
    """One setting per seed: distribution, mean, size and rows go round."""
    names = list(CHOSEN_FROM)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        name = names[seed % len(names)]
        n, n_rows = int(rng.integers(6, 17)), int(rng.choice([1500, 3000]))
        offset = (seed // len(names)) % 2
        D = orthogonal(rng, n)
        Z = CHOSEN_FROM[name](rng, (n_rows, n))
        Z = Z - MEANS.get(name, 0.0)
        X = Z @ D + offset * Z.std() * rng.standard_normal(n)
        model = OnlineOrthogonalDictionary(random_state=10_000 + seed)
        grid = {"center": [False, True], "exponent": [3, 4]}

        def judged(model, X, y=None, D=D):
            return {"score": model.score(X), "error": -rms(model.components_, D)}

        search = GridSearchCV(model, grid, cv=3, scoring=judged, refit="score").fit(X)
        tried = search.cv_results_["params"]
        errors = [
            rms(clone(model).set_params(**p).fit(X).components_, D) for p in tried
        ]
        chosen, least = errors[search.best_index_], min(errors)
        known = errors[search.cv_results_["mean_test_error"].argmax()]
        yield {
            "table": "choice",
            "codes": name,
            "n": n,
            "rows": n_rows,
            "mean": "in every feature" if offset else "none",
            "error of the choice": chosen,
            "lowest error": least,
            "above the lowest": chosen / least - 1,
            "highest error": max(errors),
            "better": bool(chosen <= 1.1 * least),
            "lowest": bool(chosen == least),
            "better by fold errors": bool(known <= 1.1 * least),
            "lowest by fold errors": bool(known == least),
        }


def announced(model, how, X, D):
    """Error in the end; when a warning came, None if none did; any of convergence."""
    chunks = [X]
    if how == "stream":
        chunks = [X[start : start + 100] for start in range(0, len(X), 100)]
    then, late = None, False
    for chunk in chunks:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            (model.fit if how == "fit" else model.partial_fit)(chunk)
        kinds = [w.category for w in caught]
        late |= any(issubclass(k, ConvergenceWarning) for k in kinds)
        if then is None and UserWarning in kinds:
            then = rms(model.components_, D)
    return rms(model.components_, D), then, late


def doubt(seeds, sizes):
    for family, members in families():
        for how, p in itertools.product(("fit", "stream"), (3, 4)):
            found = []
            for (label, draw), (n, n_rows), seed in itertools.product(
                members.items(), sizes, seeds
            ):
                rng = np.random.default_rng([seed, n, p])
                D = orthogonal(rng, n)
                n_rows = n_rows if how == "fit" else 2 * n_rows
                X = draw(rng, (n_rows, n)) @ D
                X -= X.mean(axis=0)
                model = OnlineOrthogonalDictionary(p, center=True, random_state=seed)
                found.append((label, *announced(model, how, X, D)))
            error = np.array([f[1] for f in found])
            then = np.array([np.inf if f[2] is None else f[2] for f in found])
            said, late = np.isfinite(then), np.array([f[3] for f in found])
            failed, recovered = error > FAILED, error < RECOVERED
            missed = [f[0] for f, bad in zip(found, failed & ~said, strict=True) if bad]
            yield {
                "table": "doubt",
                "codes": family,
                "how": how,
                "exponent": p,
                "runs": len(found),
                "failed": int(failed.sum()),
                "announced": int((failed & said).sum()),
                "only not converged": int((failed & ~said & late).sum()),
                "recovered": int(recovered.sum()),
                "false alarms": int((recovered & said).sum()),
                "wrong when said": int((recovered & (then < RECOVERED)).sum()),
                "not announced at": missed,
            }


def total(rows, table, names, **only):
    kept = [r for r in rows if all(r[k] == v for k, v in only.items())]
    return {"table": table, **only, **{k: sum(r[k] for r in kept) for k in names}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", choices=["choice", "doubt"], help="one of both")
    args = parser.parse_args()
    quick = args.quick
    with single_blas_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if args.part != "doubt":
            rows = list(choice(range(7000, 7004 if quick else 7060)))
            names = ("better", "lowest")
            names += tuple(f"{name} by fold errors" for name in names)
            counted = total(rows, "choice, all", names)
            rows.append({**counted, "settings": len(rows)})
            save("online_dictionary_choice", rows, quick=quick)
        if args.part != "choice":
            sizes = [(6, 1500)] if quick else [(6, 1500), (10, 2500)]
            rows = list(doubt(range(4000, 4001 if quick else 4002), sizes))
            names = ("runs", "failed", "announced", "only not converged")
            names += ("recovered", "false alarms", "wrong when said")
            for how in ("fit", "stream"):
                for p in (3, 4):
                    counted = total(rows, "doubt", names, how=how, exponent=p)
                    rows.append({**counted, "table": "doubt, all"})
            save("online_dictionary_doubt", rows, quick=quick)
