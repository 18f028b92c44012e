"""What a fit has to say against itself."""

import numpy as np
from scipy.sparse import issparse
from scipy.stats import chi2

from skgeo.decomposition._supervised.bcd import energy_held
from skgeo.decomposition._supervised.initialization import principal_axes
from skgeo.decomposition._supervised.loss import LabelLoss
from skgeo.utils.warn import warn_user

__all__ = ["warn_dominated", "warn_signs", "warn_unexplained"]

# A classifier that lowers the loss of the class frequencies by less than this fraction
# explains nothing. Nor does one that lowers it by less than labels drawn by chance let
# it do in 19 of 20 cases; that is known if there are this many samples per coefficient.
_GAIN, _LEVEL, _SAMPLES = 1e-3, 0.05, 10
# Signs are in the way where they leave less than this fraction of the energy that as
# many free axes hold.
_SIGNED = 0.5


def warn_dominated(X, spread, noun, names):
    """Name the columns that a few rows dominate."""
    found = spread.dominated
    if len(found) == 0:
        return
    j = int(found[0])
    column = X[:, [j]].toarray().ravel() if issparse(X) else X[:, j]
    far = float(column[np.abs(column - spread.median[j]).argmax()])
    words = [repr(str(names[i])) if names is not None else str(i) for i in found[:5]]
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    warn_user(
        f"A few rows dominate {noun}{'s' if len(found) > 1 else ''} "
        f"{', '.join(words)}{more}: {words[0]} has an entry {far:.6g} beside a median "
        f"of {spread.median[j]:.6g} and typical deviations of {spread.spread[j]:.2g}. "
        "If these are codes for missing values, replace them; robust=True takes the "
        "harm out of them."
    )


def warn_signs(params, problem, solution):
    """Say where sign constraints keep the dictionary from reconstructing."""
    if not (params.positive_dict or params.positive_code):
        return
    if params.reconstruction_weight == 0:
        return
    data, D = problem.data, solution.D
    energy = data.energy()
    if energy == 0:
        return
    held = energy_held(data, D, params.positive_code)
    axes = principal_axes(data, min(len(D), *data.shape))
    possible = data.weight @ (data.forward(axes) ** 2).sum(axis=1)
    if held < _SIGNED * possible:
        signs = [
            name for name in ("positive_dict", "positive_code") if getattr(params, name)
        ]
        warn_user(
            f"With {' and '.join(name + '=True' for name in signs)} the dictionary "
            f"holds {held / energy:.1%} of the energy of X; {len(axes)} free axes hold "
            f"{possible / energy:.1%}. Data with negative entries, or with a mean that "
            "was subtracted, do not suit sign constraints: pass X before it was "
            "centered, or drop them."
        )


def _gain_by_chance(params, problem, total):
    """Loss that coefficients of no use save, in units of the label weights.

    Twice the logarithm of the likelihood ratio is then distributed as chi squared with
    as many degrees of freedom as there are coefficients (Wilks).
    """
    k, p = problem.n_classes - 1, problem.label_data.shape[1]
    r = min(params.n_components, p, k)  # atoms are chosen by the labels, too
    n_free = r * (p + k - r) + k * problem.Z.shape[1]
    weight = problem.label_weight
    n_samples = total.sum() ** 2 / float(weight @ weight)
    if n_free == 0 or n_samples < _SAMPLES * n_free:
        return 0.0
    return float(chi2.isf(_LEVEL, n_free)) / (2.0 * n_samples) * total.sum()


def warn_unexplained(params, scores, problem):
    """Say that the classifier knows no more than how frequent the classes are."""
    loss = LabelLoss(problem.y, problem.n_classes, problem.label_weight)
    total = np.bincount(problem.y, problem.label_weight)
    share = total / total.sum()
    constant = -float(total @ np.log(share))
    gain = constant - loss(np.ascontiguousarray(scores))[0]
    if gain > max(_GAIN * constant, _gain_by_chance(params, problem, total)):
        return
    much = "" if gain <= _GAIN * constant else " by more than chance makes it"
    # The coefficients of such a fit have only met codes that had seen the labels.
    blind = params.kind == "feature" and not params.refit_coef
    warn_user(
        "The classifier explains nothing of the labels: its training loss is not "
        f"below that of the class frequencies{much}. "
        + (
            "Set refit_coef=True: the coefficients fit codes that saw the labels."
            if blind
            else "Take more components, a smaller reconstruction_weight or alpha, "
            "or look for other features."
        )
    )
