"""Channel estimation over a reflecting surface, beside the published errors.

Published: means over 50 trials computed from the result files that He and Joseph
(arXiv 2307.14719) put beside their code; other random draws, another machine. Gains
of this set-up are products of one per path of each hop, which "product values" finds.

``--only`` and ``--snr`` run some methods and levels, and keep the rows of the others.
"""

import argparse
import time
import warnings

import numpy as np

from benchmarks.common import other_rows, save
from skgeo.datasets import make_irs_mimo
from skgeo.linear_model import KroneckerSBL, kron_posterior, mode_product
from skgeo.linear_model._kronecker.dictionary import Dictionary
from skgeo.linear_model._kronecker.posterior import (
    CompleteData,
    kron_outer,
    posterior,
)
from skgeo.linear_model._kronecker.prior import fit_kron_prior
from skgeo.linear_model._kronecker.values import fit_product_values

SNR = (4, 8, 12, 16, 20)
PUBLISHED = {
    "SVD-KroSBL": ((0.609, 0.305, 0.194, 0.123, 0.105), (30, 10.4, 6.4, 5.7, 5.7)),
    "AM-KroSBL": ((0.714, 0.321, 0.197, 0.139, 0.070), (44, 20, 12, 12.5, 11.9)),
    "PC-KroSBL .8": ((0.312, 0.132, 0.049, 0.0089, 0.0029), (27, 14, 9.8, 8.0, 7.4)),
    "PC-KroSBL .5": ((0.324, 0.142, 0.061, 0.0112, 0.0060), None),
    "PC-SBL": ((1.0, 1.01, 0.90, 0.61, 0.37), (88, 84, 56, 43, 46)),
    "classical SBL": ((0.953, 0.724, 0.463, 0.228, 0.144), (63, 22, 14.5, 11.3, 9.0)),
}
# Parameters, and the number of trials (the first draws of one sequence for all).
OURS = {
    "best": ({}, 50),
    "best, product values": ({"values": "auto"}, 50),
    "oracle: true support and variances": ("oracle", 50),
    "oracle: true support, product values": ("product oracle", 50),
    "mm": ({"solver": "mm"}, 50),
    "svd": ({"solver": "svd"}, 50),
    "am, to the end": ({"solver": "am", "max_iter": 5000}, 6),
    "am, published start, 150 iterations": (None, 50),
    "am, coupled .8, published start, 150 iterations": ((0.8, 0.0, 0.8), 50),
    "mm, no trimming": ({"solver": "mm", "min_gain": 0.0}, 50),
    "mm, coupled .5": ({"solver": "mm", "coupling": (0.5, 0.0, 0.5)}, 50),
    "best, coupling auto": ({"coupling": "auto"}, 6),
    "best, noise learned": ({"noise_variance": None}, 30),
}


def oracle(data):
    """Posterior mean of the codes for the true support and the true variances."""
    variance = (256 * np.sqrt(96) / 3) ** 2  # of a gain, as the set-up draws it
    gammas = [np.zeros(18) for _ in range(3)]
    for g, kept in zip(gammas, data.support, strict=True):
        g[kept] = 1.0
    gammas[-1] *= variance
    mean = kron_posterior(data.factors, gammas, data.X, data.noise_variance).mean
    return mean, data.support


def product_oracle(data):
    """Product values on the true support, a gain per path of each hop."""
    mean, support = oracle(data)
    unit = np.sqrt(np.mean(np.abs(data.X) ** 2))
    scales = [np.linalg.norm(H, axis=0) for H in data.factors]
    factors = [H[:, s] / n[s] for H, s, n in zip(data.factors, support, scales,
               strict=True)]  # fmt: skip
    size = kron_outer([n[s] for n, s in zip(scales, support, strict=True)]) / unit
    codes = mean.reshape(18, 18, 18)[np.ix_(*support)] * size
    spread = np.mean(np.abs(codes) ** 2) ** (1 / 3)
    product = fit_product_values(
        factors, [np.full(len(s), spread) for s in support],
        (data.X / unit).reshape(1, *(len(H) for H in factors)),
        data.noise_variance / unit**2, codes[None],
    )  # fmt: skip
    full = np.zeros((18, 18, 18), dtype=complex)
    full[np.ix_(*support)] = product.codes[0] / size
    return full.reshape(1, -1), support


def estimate(data, parameters):
    """Codes, and the indices kept in each mode."""
    if parameters == "oracle":
        return oracle(data)
    if parameters == "product oracle":
        return product_oracle(data)
    if isinstance(parameters, dict):
        given = {"noise_variance": data.noise_variance, **parameters}
        model = KroneckerSBL(data.factors, **given).fit(data.X)
        return model.transform(data.X), model.support_
    # The published start: variances of one in the units of the data, whatever these
    # are. Here that is 2e-4 to 2e-2 of the power of the data.
    dictionary, unit = Dictionary(data.factors), np.sqrt(np.mean(np.abs(data.X) ** 2))
    gammas = [norm**2 for norm in dictionary.norms]
    gammas[-1] = gammas[-1] / unit**2
    Y, s2 = (data.X / unit).reshape(1, *dictionary.shape), data.noise_variance / unit**2
    result = fit_kron_prior(
        dictionary.factors, CompleteData(Y), solver="am", noise=s2,
        coupling=parameters, prune_tol=1e-2, max_iter=150, start=(gammas, s2),
    )  # fmt: skip
    factors, kept, support = dictionary.kept(result.gammas)
    mean = posterior(factors, kept, Y, s2).mean
    return dictionary.scatter(mean, support, unit), support


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", choices=list(OURS), default=list(OURS))
    parser.add_argument("--snr", type=int, nargs="*", choices=SNR, default=SNR)
    args = parser.parse_args()
    quick, levels = args.quick, (8, 20) if args.quick else args.snr
    rows = []
    for snr in levels:
        for name, (means, seconds) in PUBLISHED.items():
            at = SNR.index(snr)
            rows.append({
                "snr": snr, "method": f"published {name}", "nmse_mean": means[at],
                "seconds": seconds[at] if seconds else float("nan"),
            })  # fmt: skip
        for name in args.only:
            parameters, n_trials = OURS[name]
            errors, cpu, sizes = [], [], []
            for trial in range(2 if quick else n_trials):
                data = make_irs_mimo(snr=snr, random_state=7000 + trial)
                start = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    codes, support = estimate(data, parameters)
                cpu.append(time.process_time() - start)
                found = mode_product(codes.reshape(18, 18, 18), data.channel_factors)
                gap = np.abs(found - data.channels[0]) ** 2
                power = np.abs(data.channels[0]) ** 2
                errors.append(np.mean(gap.sum(axis=(1, 2)) / power.sum(axis=(1, 2))))
                sizes.append(
                    all(
                        np.array_equal(a, b)
                        for a, b in zip(support, data.support, strict=True)
                    )
                )
            rows.append({
                "snr": snr, "method": name, "nmse_mean": float(np.mean(errors)),
                "nmse_median": float(np.median(errors)),
                "failures": float(np.mean(np.array(errors) > 0.1)),
                "exact_support": float(np.mean(sizes)),
                "seconds": float(np.median(cpu)), "n_trials": len(errors),
            })  # fmt: skip
            print(rows[-1], flush=True)
    done = {(row["snr"], row["method"]) for row in rows}
    for row in other_rows("irs_mimo", "snr", ()):
        if (row["snr"], row["method"]) not in done:
            rows.append(row)
    order = [f"published {name}" for name in PUBLISHED] + list(OURS)
    rows.sort(key=lambda row: (row["snr"], order.index(row["method"])))
    save("irs_mimo", rows, quick=quick)


if __name__ == "__main__":
    main()
