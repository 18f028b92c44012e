"""Decay of the gap, scale, noise, drift, outliers, offsets, whitening, ablation.

``python -m benchmarks.decomposition.bench_orthogonal_robustness [--quick]``

n = 20 unless stated, one pass, data and first dictionary from different seeds.
"""

import argparse

import numpy as np

from benchmarks.common import save
from benchmarks.decomposition._orthogonal_data import codes, err4, matched, orthogonal
from skgeo.decomposition import OnlineOrthogonalDictionary

N = 20


def learner(seed, **params):
    return OnlineOrthogonalDictionary(random_state=10_000 + seed, **params)


def median_and_worst(values):
    return {"median": float(np.median(values)), "worst": float(np.max(values))}


def gap_decay(seeds, n_batches):
    """Slope of the true gap (fresh data) against the number of steps, log-log."""
    marks = np.unique(np.geomspace(100, n_batches, 8).astype(int))
    for theta in (0.2, 0.5):
        gaps = []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            D = orthogonal(rng, N)
            held_out = codes(rng, 100_000, N, theta) @ D
            model, trace = learner(seed, batch_size=2 * N), []
            for t in range(1, n_batches + 1):
                model.partial_fit(codes(rng, 2 * N, N, theta) @ D)
                if t in marks:
                    # The iterate itself, of the plain objective.
                    W = model._stream.W
                    C = held_out @ W.T
                    G = (3 * np.abs(C) * C).T @ held_out / len(C)
                    trace.append(
                        np.linalg.svd(G, compute_uv=False).sum() - np.vdot(G, W)
                    )
            gaps.append(trace)
        gaps = np.median(gaps, axis=0)
        late = marks >= 200
        slope = np.polyfit(np.log(marks[late]), np.log(gaps[late]), 1)[0]
        yield {
            "table": "gap",
            "theta": theta,
            "steps": marks.tolist(),
            "gap": np.round(gaps, 5).tolist(),
            "slope": float(slope),
        }


def scale(seeds, n_samples):
    for factor in (1e-150, 1e-6, 1 / 3, 1e6, 1e150):
        worst = 0.0
        for seed in seeds:
            rng = np.random.default_rng(seed)
            X = codes(rng, n_samples // 4, N, 0.2) @ orthogonal(rng, N)
            a = learner(seed).partial_fit(X).components_
            b = learner(seed).partial_fit(factor * X).components_
            worst = max(worst, np.abs(a - b).max())
        yield {"table": "scale", "factor": factor, "largest_difference": float(worst)}


def noise(seeds, n_samples):
    for sd in (0.0, 0.1, 0.2, 0.4):
        for p in (3, 4):
            errors = []
            for seed in seeds:
                rng = np.random.default_rng(seed)
                D = orthogonal(rng, N)
                X = codes(rng, n_samples, N, 0.2) @ D
                X += sd * rng.standard_normal(X.shape)
                model = learner(seed, exponent=p).partial_fit(X)
                errors.append(err4(model.components_, D))
            yield {"table": "noise", "sd": sd, "p": p, **median_and_worst(errors)}


def drift(seeds, n_batches):
    """The dictionary is replaced by another after ``n_batches`` batches."""
    after = [n_batches // 10, n_batches * 2 // 5, n_batches]
    for step in ("decay", "constant"):
        errors = []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            old, new = orthogonal(rng, N), orthogonal(rng, N)
            model = learner(seed, step=step)
            model.partial_fit(codes(rng, 2 * N * n_batches, N, 0.2) @ old)
            row = [err4(model.components_, old)]
            for done, until in zip([0, *after], after, strict=False):
                model.partial_fit(codes(rng, 2 * N * (until - done), N, 0.2) @ new)
                row.append(err4(model.components_, new))
            errors.append(row)
        before, *rest = np.median(errors, axis=0).tolist()
        yield {
            "table": "drift",
            "step": step,
            "before": before,
            **{f"after_{k}": e for k, e in zip(after, rest, strict=True)},
        }


def outliers(seeds, n_samples):
    for share in (0.0, 0.001, 0.01):
        for clip_norm in (None, 3.0):
            errors = []
            for seed in seeds:
                rng = np.random.default_rng(seed)
                D = orthogonal(rng, N)
                X = codes(rng, n_samples, N, 0.2) @ D
                bad = rng.random(n_samples) < share
                X[bad] = 30 * rng.standard_normal((bad.sum(), N))
                model = learner(seed, clip_norm=clip_norm).partial_fit(X)
                errors.append(err4(model.components_, D))
            yield {
                "table": "outliers",
                "share": share,
                "clip_norm": clip_norm,
                **median_and_worst(errors),
            }


def offset(seeds, n_samples):
    for size in (0.0, 0.5, 2.0):
        for center in (False, True):
            errors = []
            for seed in seeds:
                rng = np.random.default_rng(seed)
                D = orthogonal(rng, N)
                X = codes(rng, n_samples, N, 0.2) @ D + size
                model = learner(seed, center=center).partial_fit(X)
                errors.append(err4(model.components_, D))
            yield {
                "table": "offset",
                "offset": size,
                "center": center,
                **median_and_worst(errors),
            }


def whitening(seeds, n_samples):
    """A complete dictionary of condition number 10."""
    for how in ("none", "running", "all_data_first"):
        errors, found = [], []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            A = (orthogonal(rng, N) * np.geomspace(1, 0.1, N)) @ orthogonal(rng, N)
            X = codes(rng, n_samples, N, 0.2) @ A
            if how == "all_data_first":
                values, V = np.linalg.eigh(X.T @ X / len(X))
                Y = X @ (V / np.sqrt(values)) @ V.T
                W = learner(seed).partial_fit(Y).components_
                W = W @ (V * np.sqrt(values)) @ V.T
            else:
                model = learner(seed, whiten=how == "running").partial_fit(X)
                W = model.components_
            error, share = matched(W, A)
            errors.append(error)
            found.append(share)
        yield {
            "table": "whitening",
            "how": how,
            **median_and_worst(errors),
            "atoms_found": float(np.median(found)),
        }


def laws(seeds, n_samples):
    draws = {
        "laplace": lambda rng, shape: rng.laplace(size=shape),
        "bernoulli_rademacher": lambda rng, shape: (
            rng.choice([-1.0, 1.0], size=shape) * (rng.random(shape) < 0.2)
        ),
        "gaussian": lambda rng, shape: rng.standard_normal(shape),
        "uniform": lambda rng, shape: rng.uniform(-1, 1, size=shape),
    }
    for law, draw in draws.items():
        errors = []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            D = orthogonal(rng, N)
            X = draw(rng, (n_samples, N)) @ D
            errors.append(err4(learner(seed).partial_fit(X).components_, D))
        yield {"table": "law", "law": law, **median_and_worst(errors)}


def denoising(seeds, n_samples):
    for threshold in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        errors = []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            D = orthogonal(rng, N)
            clean = codes(rng, n_samples + 2000, N, 0.2) @ D
            X = clean + 0.1 * rng.standard_normal(clean.shape)
            model = learner(seed, threshold=threshold).partial_fit(X[:-2000])
            restored = model.inverse_transform(model.transform(X[-2000:]))
            errors.append(np.mean((restored - clean[-2000:]) ** 2) / np.mean(clean**2))
        yield {"table": "denoising", "threshold": threshold, **median_and_worst(errors)}


def ablation(seeds, n):
    """One pass over 1000 n rows of density .7 without each of the additions."""
    for without, params in (
        ("nothing", {}),
        ("replays", {"n_replays": 0}),
        ("shift", {"curvature_shift": 0.0}),
        ("both", {"n_replays": 0, "curvature_shift": 0.0}),
    ):
        errors = []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            D = orthogonal(rng, n)
            X = codes(rng, 1000 * n, n, 0.7) @ D
            errors.append(err4(learner(seed, **params).partial_fit(X).components_, D))
        yield {"table": "ablation", "n": n, "without": without} | median_and_worst(
            errors
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    seeds = range(500, 502) if quick else range(500, 505)
    n_samples, n_batches = (4000, 300) if quick else (20_000, 4000)
    rows = [
        *gap_decay(seeds, n_batches),
        *scale(seeds, n_samples),
        *noise(seeds, n_samples),
        *drift(seeds, 100 if quick else 500),
        *outliers(seeds, n_samples),
        *offset(seeds, n_samples),
        *whitening(seeds, n_samples),
        *laws(seeds, 2 * n_samples),
        *denoising(seeds, n_samples),
        *ablation(seeds, 10 if quick else 50),
    ]
    save("online_dictionary_robustness", rows, quick=quick)
