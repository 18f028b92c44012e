"""Draw the pictures of the guide pages on dictionaries into docs/_static/guide.

``PYTHONPATH=. python tools/make_dictionary_pictures.py``
"""

import json
import pathlib

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import cross_val_score

from skgeo.decomposition import SupervisedDictionaryLearning
from skgeo.plotting import plot_atoms

ROOT = pathlib.Path(__file__).parents[1]
OUT = ROOT / "docs/_static/guide"
COLORS = {
    "ours": "#c4501b",
    "ours, whitened": "#e8a27c",
    "FastICA logcosh": "#3b5f85",
    "FastICA cube": "#9db4cc",
}


def recovery():
    rows = json.loads(
        (ROOT / "benchmarks/results/online_dictionary_codes.json").read_text()
    )["rows"]
    rows = [row for row in rows if row["table"] == "recovery"]
    names = list(dict.fromkeys(row["codes"] for row in rows))
    value = {(row["codes"], row["learner"]): row["median"] for row in rows}
    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    ax = figure.subplots()
    for i, (learner, color) in enumerate(COLORS.items()):
        x = np.arange(len(names)) + 0.2 * (i - 1.5)
        heights = [value[name, learner] for name in names]
        ax.bar(x, heights, 0.19, color=color, label=learner)
    ax.set_xticks(
        range(len(names)),
        [n.replace("Bernoulli-", "Bern.-").replace(" ", "\n", 1) for n in names],
    )
    ax.tick_params(axis="x", labelsize=8)
    ax.set(yscale="log", ylabel="error of the atoms (root mean square)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, ncols=4, fontsize=9, loc="upper center")
    ax.set_ylim(top=0.6)
    figure.savefig(OUT / "online_recovery.png", dpi=110)


def atoms():
    X, y = load_digits(return_X_y=True)
    model = SupervisedDictionaryLearning(
        10,
        positive_dict=True,
        positive_code=True,
        scale_features=False,
        max_iter=100,
        tol=1e-4,
    ).fit(X, y)
    voice = model.coef_ * model.transform(X).std(axis=0)
    voice -= voice.mean(axis=0)
    titles = [f"for {k}" for k in model.classes_[voice.argmax(axis=0)]]
    figure = plot_atoms(model, (8, 8), titles=titles, n_columns=5)
    figure.savefig(OUT / "supervised_atoms.png", dpi=110)


def scaling():
    X, y = load_wine(return_X_y=True)
    models = {
        "features scaled inside\n(default)": SupervisedDictionaryLearning(),
        "scale_features=False": SupervisedDictionaryLearning(scale_features=False),
    }
    scores = [cross_val_score(m, X, y, cv=5).mean() for m in models.values()]
    figure = Figure(figsize=(5.2, 1.9), layout="constrained")
    ax = figure.subplots()
    bars = ax.barh(list(models), scores, color=["#c4501b", "#9db4cc"], height=0.6)
    ax.bar_label(bars, fmt="%.3f", padding=3)
    ax.invert_yaxis()
    ax.set(xlim=(0.5, 1.05), xlabel="accuracy on the raw wine data, five folds")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(OUT / "supervised_scaling.png", dpi=110)


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    recovery()
    atoms()
    scaling()
