"""
Imbalanced text with covariates: which manual entries are about signals?
========================================================================

The docstrings of ``scipy.signal`` are one in fifteen among those of numpy, scipy and
scikit-learn. Six topics learned from word frequencies *and* labels tell them apart, and
can be read. The length of an entry and what sections it has are covariates: they help
to classify, and no topic has to explain them.
"""

# %%
# Words and covariates
# --------------------
# The entries are those of the packages as installed. Words of the form of a docstring
# rather than of its matter are left out.

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.model_selection import train_test_split

from skgeo.datasets import load_docstrings
from skgeo.decomposition import SupervisedDictionaryLearning

docs = load_docstrings()
train, test = train_test_split(
    np.arange(len(docs.data)), test_size=0.3, stratify=docs.target, random_state=5
)
y, y_new = docs.target[train], docs.target[test]
print(f"{len(y)} entries to learn from, {y.mean():.1%} of them about signals")

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

# %%
# A supervised dictionary
# -----------------------
# Covariates are the last columns of a sparse matrix; ``covariate_columns`` says so, and
# no metadata routing is needed.

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
# Beside simpler ways
# -------------------
# Six topics that never saw a label, six PLS directions, and logistic regression on all
# 800 words, which has no topics to show. All are given the covariates too.

scale = docs.covariates[train].std(axis=0)


def with_covariates(features, rows):
    return np.hstack([features, docs.covariates[rows] / scale])


def logistic(code, C):
    """Scores of new entries by logistic regression on features of the words."""
    spread = np.maximum(code(words).std(axis=0), 1e-12)
    features = with_covariates(code(words) / spread, train)
    classifier = LogisticRegression(C=C, max_iter=2000).fit(features, y)
    new = with_covariates(code(words_new) / spread, test)
    return classifier.predict_proba(new)[:, 1]


nmf = NMF(6, init="nndsvda", max_iter=400, random_state=0).fit(words)
pls = PLSRegression(6, scale=False).fit(words.toarray(), y)
everything = LogisticRegression(C=10.0, max_iter=2000).fit(
    hstack([words, csr_matrix(docs.covariates[train] / scale)]).tocsr(), y
)
everything_new = hstack([words_new, csr_matrix(docs.covariates[test] / scale)]).tocsr()
scores = {
    "supervised dictionary": model.predict_proba(X_new)[:, 1],
    "logistic, all words": everything.predict_proba(everything_new)[:, 1],
    "PLS, then logistic": logistic(lambda W: pls.transform(W.toarray()), C=1.0),
    "NMF, then logistic": logistic(nmf.transform, C=1000.0),
}
for name, score in scores.items():
    print(f"{name:22s} average precision {average_precision_score(y_new, score):.3f}")

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
# Precision and recall
# --------------------

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for (name, score), style in zip(scores.items(), ("-", "--", "--", ":"), strict=True):
    precision, recall, _ = precision_recall_curve(y_new, score)
    axes[0].step(recall, precision, style, where="post", label=name)
axes[0].set(title="new entries", xlabel="recall", ylabel="precision")
axes[0].legend(loc="lower left", fontsize=9)
effect = model.covariate_coef_[0] * docs.covariates[train].std(axis=0)
axes[1].barh(docs.covariate_names, effect, color="0.5")
axes[1].axvline(0, color="0.2", linewidth=0.8)
axes[1].set(title="covariates", xlabel="change of the logit per standard deviation")
plt.show()

# %%
# Topics that never saw a label have none to spare for one entry in fifteen. With
# labels, six topics are about level with logistic regression on all words and with PLS
# (on other splits they are a little behind both). What they add is that they can be
# read.
