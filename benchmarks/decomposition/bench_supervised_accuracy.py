"""Accuracy at small rank against the usual alternatives, on fresh seeds.

    python -m benchmarks.decomposition.bench_supervised_accuracy [--quick]

Four problems: the simulation where reconstruction and discrimination conflict, the
ten digits, eight against the rest, and imbalanced text with covariates. LC-KSVD and
D-KSVD come from the package ``dictlearn`` and are left out where it is not installed.
"""

import sys
import time
import warnings

import numpy as np
from scipy.sparse import csr_matrix, hstack, issparse
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, f1_score
from sklearn.model_selection import train_test_split

from benchmarks.common import save
from skgeo import warmup
from skgeo.datasets import load_docstrings, make_conflicting_digits
from skgeo.decomposition import SupervisedDictionaryLearning
from skgeo.utils.parallel import single_blas_thread

try:
    from dictlearn.classification import DDLClassifier, LCDLClassifier
except ImportError:
    DDLClassifier = LCDLClassifier = None

FIRST_SEED = 2000  # none below was used while the defaults were chosen


def beside(F, Z):
    if Z is None:
        return F
    return hstack([F, csr_matrix(Z)]).tocsr() if issparse(F) else np.hstack([F, Z])


def logistic(F, y, F_new, C=100.0):
    scale = 1.0 if issparse(F) else np.maximum(F.std(axis=0), 1e-12)
    shift = 0.0 if issparse(F) else F.mean(axis=0)
    model = LogisticRegression(C=C, max_iter=2000)
    if issparse(F):
        model.fit(F, y)
        return model.predict(F_new), model.predict_proba(F_new)[:, -1]
    model.fit((F - shift) / scale, y)
    new = (F_new - shift) / scale
    return model.predict(new), model.predict_proba(new)[:, -1]


def methods(r):
    """Name -> function(X, Z, y, X_new, Z_new) -> labels, scores, recon. error."""

    def full(X, Z, y, A, B):
        return *logistic(beside(X, Z), y, beside(A, B), C=10.0), np.nan

    def nmf(X, Z, y, A, B):
        model = NMF(r, init="nndsvda", max_iter=300, random_state=0)
        C, C_new = model.fit_transform(np.maximum(X, 0) if not issparse(X) else X), None
        A_plus = A if issparse(A) else np.maximum(A, 0)
        C_new = model.transform(A_plus)
        answer = logistic(beside(C, Z), y, beside(C_new, B))
        gap = A_plus - C_new @ model.components_
        spread = X.toarray() if issparse(X) else np.maximum(X, 0)
        dense = A_plus.toarray() if issparse(A) else A_plus
        total = np.sum((dense - spread.mean(axis=0)) ** 2)
        return *answer, float(np.sum(np.square(gap)) / total)

    def pls(X, Z, y, A, B):
        X, A = (M.toarray() if issparse(M) else M for M in (X, A))
        onehot = (y[:, None] == np.unique(y)).astype(float)
        model = PLSRegression(r, scale=False).fit(X, onehot)
        answer = logistic(
            beside(model.transform(X), Z), y, beside(model.transform(A), B)
        )
        return *answer, np.nan

    def lda(X, Z, y, A, B):
        if Z is not None or issparse(X):
            X, A = (M.toarray() if issparse(M) else M for M in (X, A))
        rank = min(r, len(np.unique(y)) - 1)
        model = LinearDiscriminantAnalysis(
            solver="eigen", shrinkage=1e-3, n_components=rank
        ).fit(X, y)
        answer = logistic(
            beside(model.transform(X), Z), y, beside(model.transform(A), B)
        )
        return *answer, np.nan

    def topics(X, Z, y, A, B):
        if not issparse(X):
            X, A = np.maximum(X, 0), np.maximum(A, 0)
        model = LatentDirichletAllocation(r, random_state=0)
        C, C_new = model.fit_transform(X), model.transform(A)
        return *logistic(beside(C, Z), y, beside(C_new, B)), np.nan

    def ksvd(cls):
        def run(X, Z, y, A, B):
            X, A = (M.toarray() if issparse(M) else M for M in (X, A))
            if Z is not None:  # as further features, of the size of all words together
                size = np.sqrt(np.mean(np.sum(X**2, axis=1)) / Z.shape[1])
                X, A = np.hstack([X, size * Z]), np.hstack([A, size * B])
            model = cls(
                n_components=atoms(r, y),
                max_iter=20,
                random_state=0,
                n_nonzero_coefs=max(1, min(r, 5)),
            ).fit(X, y)
            scores = (
                model.decision_function(A)
                if hasattr(model, "decision_function")
                else np.zeros(len(A))
            )
            scores = scores if np.ndim(scores) == 1 else scores[:, -1]
            return model.predict(A), scores, np.nan

        return run

    def atoms(r, y):
        k = len(np.unique(y))
        return int(np.ceil(r / k) * k)  # the same number of atoms for each class

    def ours(**options):
        def run(X, Z, y, A, B):
            model = SupervisedDictionaryLearning(r, **options)
            model.fit(X, y, covariates=Z)
            P = model.predict_proba(A, covariates=B)
            return model.classes_[P.argmax(1)], P[:, -1], model.reconstruction_error(A)

        return run

    positive = {"positive_dict": True, "positive_code": True, "max_iter": 100}
    found = {
        "LR on all features": full,
        "NMF then LR": nmf,
        "PLS then LR": pls,
        "linear discriminants then LR": lda,
        "topics (LDA) then LR": topics,
        "filter LPGD": ours(),
        "filter LPGD, features as they are": ours(scale_features=False),
        "filter LPGD, weight 1": ours(reconstruction_weight=1.0),
        "filter BCD, positive": ours(**positive),
        "feature LPGD": ours(kind="feature", max_iter=200),
        "feature BCD, positive": ours(kind="feature", **positive),
    }
    if LCDLClassifier is not None:
        found["LC-KSVD"] = ksvd(LCDLClassifier)
        found["D-KSVD"] = ksvd(DDLClassifier)
    return found


def digits_problem(seed, target=None):
    X, y = load_digits(return_X_y=True)
    y = y if target is None else (y == target).astype(int)
    X, A, y, b = train_test_split(
        X / 16.0, y, test_size=0.3, stratify=y, random_state=seed
    )
    return X, None, y, A, None, b


def conflict_problem(seed):
    X, y = make_conflicting_digits(500, random_state=seed)
    X, A, y, b = train_test_split(X, y, test_size=0.2, random_state=seed)
    return X, None, y, A, None, b


def text_problem(seed, docs=[]):  # noqa: B006  (read once)
    if not docs:
        docs.append(load_docstrings())
    d = docs[0]
    rows, new = train_test_split(
        np.arange(len(d.data)), test_size=0.3, stratify=d.target, random_state=seed
    )
    words = TfidfVectorizer(
        max_features=800, stop_words="english", token_pattern=r"[A-Za-z]{3,}"
    )
    X = words.fit_transform([d.data[i] for i in rows])
    A = words.transform([d.data[i] for i in new])
    Z = d.covariates
    mean, scale = Z[rows].mean(axis=0), Z[rows].std(axis=0)
    Z = (Z - mean) / scale
    return X, Z[rows], d.target[rows], A, Z[new], d.target[new]


def run(problem, make, ranks, seeds):
    rows = []
    for r in ranks:
        found = {}
        for seed in seeds:
            X, Z, y, A, B, b = make(seed)
            for name, method in methods(r).items():
                start = time.process_time()
                try:
                    labels, scores, error = method(X, Z, y, A, B)
                except ValueError as failure:
                    print(problem, r, name, "failed:", failure)
                    continue
                cpu = time.process_time() - start
                binary = len(np.unique(y)) == 2
                found.setdefault(name, []).append(
                    (
                        accuracy_score(b, labels),
                        f1_score(
                            b,
                            labels,
                            average="binary" if binary else "macro",
                            zero_division=0.0,
                        ),
                        average_precision_score(b, scores) if binary else np.nan,
                        error,
                        cpu,
                    )
                )
        for name, values in found.items():
            v = np.array(values, dtype=float)
            rows.append(
                {
                    "problem": problem,
                    "r": r,
                    "method": name,
                    "seeds": len(v),
                    "accuracy": v[:, 0].mean(),
                    "accuracy_sd": v[:, 0].std(),
                    "F1": v[:, 1].mean(),
                    "F1_sd": v[:, 1].std(),
                    "F1_min": v[:, 1].min(),
                    "average_precision": v[:, 2].mean(),
                    "relative_error": v[:, 3].mean(),
                    "cpu_s": v[:, 4].mean(),
                }
            )
    return rows


def main(quick=False):
    warnings.simplefilter("ignore")
    warmup()
    seeds = range(FIRST_SEED, FIRST_SEED + (1 if quick else 4))
    rows = []
    with single_blas_thread():
        rows += run("conflict", conflict_problem, [2], seeds)
        rows += run("digits", digits_problem, [5] if quick else [5, 9], seeds)
        rows += run("eight", lambda seed: digits_problem(seed, 8), [5], seeds)
        rows += run("text", text_problem, [5], seeds)
    save("supervised_dictionary_accuracy", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
