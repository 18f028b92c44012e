"""
Imbalanced text with covariates: which manual entries are about signals?
========================================================================

A few topics, learned from word frequencies, tell the docstrings of ``scipy.signal``
(about one in fifteen) from those of the rest of numpy, scipy and scikit-learn. The
length of an entry and what sections it has are covariates: they help to classify and
are not something a topic should have to explain. Words stay in a sparse matrix
throughout.
"""

# %%
# A pipeline without metadata routing
# -----------------------------------
# The last four columns are covariates; ``covariate_columns`` says so, and everything
# else of scikit-learn works as usual.

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import PrecisionRecallDisplay, average_precision_score
from sklearn.model_selection import train_test_split

from skgeo.datasets import load_docstrings
from skgeo.decomposition import SupervisedDictionaryLearning

docs = load_docstrings()
train, test = train_test_split(
    np.arange(len(docs.data)), test_size=0.3, stratify=docs.target, random_state=5
)
y, y_new = docs.target[train], docs.target[test]
print(f"{len(y)} entries to learn from, {y.mean():.1%} of them about signals")

# Words of the form of a docstring rather than of its matter are no topic.
form = """
    additional api array arrays available axes axis backends bool boolean callable
    capability chunks class code compatible computation cpu cupy dask default
    defaults device dict docs documentation dtype eager elements environment
    equivalent example examples experimental false float following func function
    functions given gpu implementation import info input instance int integer jax
    jit kind kwargs lazy len like list lists marray ndarray new none note notes
    number numpy object optional order org otherwise output param parameter
    parameters params plt print pytorch raises read reference references respective
    result return returned returns scalar scikit scipy see self sequence set shape
    similar sklearn standard str string support supported supports torch true tuple
    type types used user using value valueerror values variable version versionadded
    versionchanged warning warnings
    arr broadcast condition keyword location locations passed positions provided retain
    result stored tuple ufunc uninitialized unchanged
"""
vectorizer = TfidfVectorizer(
    max_features=800,
    stop_words=[*ENGLISH_STOP_WORDS, *form.split()],
    token_pattern=r"[A-Za-z]{3,}",
)
words = vectorizer.fit_transform([docs.data[i] for i in train])
words_new = vectorizer.transform([docs.data[i] for i in test])
vocabulary = vectorizer.get_feature_names_out()

X = hstack([words, csr_matrix(docs.covariates[train])]).tocsr()
X_new = hstack([words_new, csr_matrix(docs.covariates[test])]).tocsr()

model = SupervisedDictionaryLearning(
    6,
    positive_dict=True,
    positive_code=True,
    covariate_columns=(-4, -3, -2, -1),
    tol=1e-4,
).fit(X, y)

# %%
# Against topics that never saw a label
# -------------------------------------

nmf = NMF(6, init="nndsvda", max_iter=400, random_state=0).fit(words)
scale = docs.covariates[train].std(axis=0)


def blind_features(W, rows):
    C = nmf.transform(W) / nmf.transform(words).std(axis=0)
    return np.hstack([C, docs.covariates[rows] / scale])


blind = LogisticRegression(C=1000, max_iter=2000).fit(blind_features(words, train), y)
scores = {
    "supervised dictionary": model.predict_proba(X_new)[:, 1],
    "NMF, then logistic": blind.predict_proba(blind_features(words_new, test))[:, 1],
}
for name, score in scores.items():
    print(f"{name}: average precision {average_precision_score(y_new, score):.3f}")

# %%
# What the topics are made of
# ---------------------------
# Colors show the coefficient of a topic times its spread over the entries: red speaks
# for signals, blue against.

effect = model.coef_[0] * model.transform(X).std(axis=0)
order = np.argsort(-effect)
limit = np.abs(effect).max()
figure, axes = plt.subplots(2, 3, figsize=(9.5, 5.4), layout="constrained")
for ax, k in zip(axes.flat, order, strict=True):
    top = np.argsort(-model.components_[k])[:8][::-1]
    color = plt.get_cmap("coolwarm")(0.5 + 0.5 * effect[k] / limit)
    ax.barh(range(8), model.components_[k, top], color=color, edgecolor="0.4")
    ax.set_yticks(range(8), vocabulary[top])
    ax.set_title(f"log-odds of signals {effect[k]:+.2f}", fontsize=10)
for ax in axes[1]:
    ax.set_xlabel("weight in the topic")
plt.show()

# %%
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for name, score in scores.items():
    PrecisionRecallDisplay.from_predictions(y_new, score, name=name, ax=axes[0])
axes[0].set(title="new entries", xlabel="recall", ylabel="precision")
axes[0].legend(loc="lower left", fontsize=9)
effect = model.covariate_coef_[0] * docs.covariates[train].std(axis=0)
axes[1].barh(docs.covariate_names, effect, color="0.5")
axes[1].axvline(0, color="0.2", linewidth=0.8)
axes[1].set(title="covariates", xlabel="change of the logit per standard deviation")
plt.show()
