"""Draw the pictures of the landing page from results of the library.

python tools/make_cards.py            # all of them, about a minute
python tools/make_cards.py cluster    # some

They are committed under ``docs/_static/cards``; run this again when a method changes.
"""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import matplotlib as mpl  # noqa: E402

mpl.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

CARDS = ROOT / "docs" / "_static" / "cards"
SIZE = (3.9, 2.45)  # inches, so that 8.5 points are readable at the size of a card
BLUE, ORANGE, GRAY = "#1f4e79", "#d1742f", "0.55"
STYLE = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def eeg():
    """Cross-validated scores over the order and the lag of the embedding."""
    from skgeo.datasets import load_embedded_eeg
    from skgeo.eeg import AugmentedCovarianceClassifierCV

    data = load_embedded_eeg("left_right", channels="motor")
    orders, lags = tuple(range(1, 8)), (1, 2, 3, 4, 6, 8, 12)
    search = AugmentedCovarianceClassifierCV(
        orders=orders,
        lags=lags,
        Cs=(1.0,),
        kernels=("linear",),
        cv=9,
        scoring="roc_auc",
    ).fit(data.X, data.y)
    table = np.full((len(orders), len(lags)), np.nan)
    results = search.cv_results_
    for order, lag, score in zip(
        results["param_order"],
        results["param_lag"],
        results["mean_test_score"],
        strict=True,
    ):
        if order == 1:
            table[0] = score  # one copy has no lag
        else:
            table[orders.index(order), lags.index(lag)] = score
    fig, ax = plt.subplots(figsize=SIZE)
    image = ax.imshow(100 * table, origin="lower", cmap="viridis", aspect="auto")
    ax.set(
        xlabel="lag (samples of 6.25 ms)",
        ylabel="order of the embedding",
        title="left or right hand? ROC AUC, nine folds",
    )
    ax.set_xticks(range(len(lags)), lags)
    ax.set_yticks(range(len(orders)), orders)
    ax.spines[:].set_visible(False)
    fig.colorbar(image, ax=ax, label="AUC (%)", pad=0.02)
    return fig


def cluster():
    """A settled but wrong K-means run beside the certified optimum."""
    from sklearn.cluster import KMeans

    from skgeo.cluster import SDPKMeans, certify_kmeans

    rng = np.random.default_rng(0)
    grid = 9.0 * np.arange(5)
    centers = np.array([(a, b) for a in grid for b in grid])
    X = np.repeat(centers, 12, axis=0) + rng.standard_normal((300, 2))
    runs = (KMeans(25, n_init=1, random_state=seed).fit(X) for seed in range(6))
    lloyd = max(runs, key=lambda run: run.inertia_)
    model = SDPKMeans(25, random_state=0).fit(X)
    fig, axes = plt.subplots(1, 2, figsize=SIZE, sharey=True)
    for ax, name, labels in (
        (axes[0], "K-means", lloyd.labels_),
        (axes[1], "SDPKMeans", model.labels_),
    ):
        verdict = certify_kmeans(X, labels, random_state=0)
        excess = verdict.inertia_ / model.lower_bound_ - 1
        means = np.array([X[labels == k].mean(axis=0) for k in np.unique(labels)])
        ax.scatter(*X.T, c=labels, cmap="tab20", s=7, lw=0, alpha=0.8)
        ax.scatter(*means.T, marker="x", color="black", s=26, lw=1.2)
        proof = "proven optimal" if verdict.certified_ else f"{excess:.0%} worse"
        ax.set_title(f"{name}: {proof}")
        ax.set(xticks=[], yticks=[], aspect="equal")
        ax.spines[:].set_visible(False)
    return fig


def supervised_dictionary():
    """Atoms of handwritten digits, framed by the class each speaks for."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from skgeo.decomposition import SupervisedDictionaryLearning

    X, y = load_digits(return_X_y=True)
    X, X_new, y, y_new = train_test_split(X, y, random_state=3, stratify=y)
    model = SupervisedDictionaryLearning(
        10, positive_dict=True, positive_code=True, max_iter=100, tol=1e-4
    ).fit(X, y)
    voice = model.coef_ * model.transform(X).std(axis=0)
    voice = (voice - voice.mean(axis=0)).T
    colors = plt.get_cmap("tab10").colors
    fig, axes = plt.subplots(2, 5, figsize=SIZE)
    for ax, k in zip(axes.flat, np.argsort(voice.argmax(axis=1)), strict=True):
        best = voice[k].argmax()
        ax.imshow(model.components_[k].reshape(8, 8), cmap="gray_r")
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"for {best}", color=colors[best], pad=3)
        for side in ax.spines.values():
            side.set(color=colors[best], linewidth=2.5, visible=True)
    score = model.score(X_new, y_new)
    fig.suptitle(f"ten atoms, test accuracy {score:.1%}", fontsize=9)
    return fig


def online_dictionary():
    """Atoms learned from a stream of image patches, and the codes they spare."""
    from sklearn.datasets import load_sample_image

    from skgeo.decomposition import OnlineOrthogonalDictionary

    side = 8
    image = load_sample_image("china.jpg").mean(axis=2) / 255.0
    windows = np.lib.stride_tricks.sliding_window_view(image, (side, side))
    rows = windows[::2, ::2].reshape(-1, side * side)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    stream = (rows / np.maximum(length, 1e-12))[length[:, 0] > 0.02]
    stream = stream[np.random.default_rng(0).permutation(len(stream))]
    model = OnlineOrthogonalDictionary(random_state=0)
    for _ in range(3):
        for chunk in np.array_split(stream, 40):
            model.partial_fit(chunk)
    order = np.argsort(-np.mean((rows @ model.components_.T) ** 2, axis=0))
    atoms = model.components_[order]
    atoms = -atoms / np.take_along_axis(
        atoms, np.abs(atoms).argmax(axis=1)[:, None], axis=1
    )
    framed = np.ones((side, side, side + 1, side + 1))
    framed[:, :, :side, :side] = atoms.reshape(side, side, side, side)
    sheet = framed.transpose(0, 2, 1, 3).reshape(side * (side + 1), -1)[:-1, :-1]
    fig, axes = plt.subplots(1, 2, figsize=SIZE, width_ratios=(1.25, 1))
    axes[0].imshow(sheet, cmap="gray", vmin=-1, vmax=1)
    axes[0].set(xticks=[], yticks=[], title="atoms of image patches")
    axes[0].spines[:].set_visible(False)
    n = 50
    for theta, color in ((0.1, BLUE), (0.3, ORANGE)):
        rng = np.random.default_rng(1)
        truth = np.linalg.qr(rng.standard_normal((n, n)))[0]
        codes = rng.standard_normal((1000 * n, n)) * (rng.random((1000 * n, n)) < theta)
        learner, seen, errors = OnlineOrthogonalDictionary(random_state=0), [], []
        for chunk in np.array_split(codes @ truth, 100):
            learner.partial_fit(chunk)
            overlap = learner.components_ @ truth.T
            seen.append(learner.n_samples_seen_)
            errors.append(1 - np.sum(overlap**4) / n)
        label = f"{theta:.0%}"
        axes[1].loglog(seen, errors, color=color, label=label)
    axes[1].set(
        xlabel="rows of the stream",
        ylabel="error of the dictionary",
        title="a basis recovered",
    )
    axes[1].legend(
        loc="upper right", frameon=False, title="codes not 0", handlelength=1
    )
    return fig


def linear_model():
    """Angles of a channel: matched filter against the sparse code."""
    from skgeo.datasets import make_irs_mimo
    from skgeo.linear_model import KroneckerSBL, mode_product

    data = make_irs_mimo(snr=8.0, random_state=4)
    model = KroneckerSBL(data.factors, noise_variance=data.noise_variance).fit(data.X)
    departure = data.support[1][0]
    adjoint = [H.conj().T for H in data.factors]
    pictures = {
        "true": data.codes.reshape(18, 18, 18),
        "matched filter": mode_product(data.X.reshape(6, 3, 16), adjoint),
        "KroneckerSBL": model.transform(data.X).reshape(18, 18, 18),
    }
    fig, axes = plt.subplots(1, 3, figsize=SIZE, sharey=True)
    for ax, (name, tensor) in zip(axes, pictures.items(), strict=True):
        size = np.abs(tensor[:, departure])
        image = ax.imshow(
            size / size.max(),
            cmap="magma_r",
            origin="lower",
            vmin=0,
            vmax=1,
            aspect="auto",
        )
        ax.set(title=name, xticks=[0, 17], yticks=[0, 17])
    axes[1].set_xlabel("angle index at the base station")
    axes[0].set_ylabel("angle index at the surface")
    fig.colorbar(image, ax=axes, label="gain / largest", pad=0.02)
    fig.suptitle("288 noisy measurements, 5832 unknowns", fontsize=9)
    return fig


def dynamics():
    """Forecasts of an imperfect model, of the truth, and of the corrected model."""
    from skgeo.datasets import KuramotoSivashinsky, make_observation_pairs
    from skgeo.dynamics import MEDIDA, PDELibrary1D

    truth, imperfect = KuramotoSivashinsky(), KuramotoSivashinsky(diffusion=0.0)
    dt = 0.05
    pairs = make_observation_pairs(truth, 10, dt=dt, gap=10.0, random_state=0)
    medida = MEDIDA(imperfect.flow(dt, 5), dt, library=PDELibrary1D(length=100.0))
    medida.fit(pairs.X, pairs.y)
    start = truth.step(pairs.y[-1:], 25.0)
    flows = {
        "imperfect model": imperfect.flow(dt),
        "truth": truth.flow(dt),
        "corrected model": medida.corrected_model(),
    }
    fig, axes = plt.subplots(1, 3, figsize=SIZE, sharey=True)
    for ax, (name, flow) in zip(axes, flows.items(), strict=True):
        states = [start]
        for _ in range(1200):
            states.append(flow(states[-1]))
        image = ax.imshow(
            np.concatenate(states)[::4, ::4],
            origin="lower",
            aspect="auto",
            extent=(0, 100, 0, 60),
            cmap="RdBu_r",
            vmin=-3,
            vmax=3,
        )
        ax.set(title=name, xticks=[0, 100])
    axes[0].set_ylabel("time")
    axes[1].set_xlabel("position x")
    fig.colorbar(image, ax=axes, label="u", pad=0.02)
    found = medida.equations()[0].replace("u_xx", "$u_{xx}$").replace("u_t", "$u_t$")
    fig.suptitle(f"found: {found}", fontsize=9)
    return fig


DRAWN = (
    eeg,
    cluster,
    supervised_dictionary,
    online_dictionary,
    linear_model,
    dynamics,
)


def write(figure, path):
    """Save a picture with a palette of 256 colors, a third of the size."""
    import io

    from PIL import Image

    memory = io.BytesIO()
    figure.savefig(memory, dpi=240)
    plt.close(figure)
    picture = Image.open(memory).convert("RGB").quantize(256, dither=0)
    picture.save(path, optimize=True)


def strip():
    """Join the six cards, three by two, for the README."""
    from PIL import Image

    pictures = [Image.open(CARDS / f"{card.__name__}.png") for card in DRAWN]
    width, height = pictures[0].width // 2, pictures[0].height // 2
    sheet = Image.new("RGB", (3 * width + 40, 2 * height + 20), "white")
    for i, picture in enumerate(pictures):
        place = (i % 3 * (width + 20), i // 3 * (height + 20))
        small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(small, place)
    sheet.quantize(256, dither=0).save(CARDS.parent / "strip.png", optimize=True)


def main():
    """Draw the cards named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *(f.__name__ for f in DRAWN)])
    names = parser.parse_args().names
    CARDS.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for card in DRAWN:
            if not names or card.__name__ in names:
                figure = card()
                path = CARDS / f"{card.__name__}.png"
                write(figure, path)
                print(path.relative_to(ROOT))
    strip()


if __name__ == "__main__":
    main()
