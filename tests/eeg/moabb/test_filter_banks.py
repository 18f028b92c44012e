"""Filter-bank paradigms: pipelines that take filters, and those that do not."""

import numpy as np
import pytest

pytest.importorskip("moabb")

from skgeo.datasets import from_arrays
from skgeo.eeg import evaluate, pipelines

ONE_BAND = ["CSP+LDA", "Cov+MDM", "Cov+TS+LR", "ACM+MDM", "ACM(search)", "ACM(ERP)"]
ONE_BAND += ["ERPCov+TS+LR", "Xdawn+TS+LR", "ACM+TS+LR"]


@pytest.mark.parametrize("name", ONE_BAND)
@pytest.mark.parametrize("n_filters", [1, 3])
def test_pipelines_of_one_band_say_so(name, n_filters):
    X = np.random.default_rng(0).standard_normal((12, 3, 100, n_filters))
    y = np.repeat(["left_hand", "right_hand"], 6)
    with pytest.raises(ValueError, match=r"skgeo\.eeg\.evaluate|filter") as caught:
        pipelines(name)[name].fit(X, y)
    assert "4-D" in str(caught.value) or "filter" in str(caught.value)


def test_the_average_takes_a_filter_bank_paradigm(tmp_path):
    from moabb.paradigms import FilterBankLeftRightImagery

    rng = np.random.default_rng(0)
    y = np.array(["left_hand", "right_hand"] * 12)
    X = 1e-5 * rng.standard_normal((24, 3, 384))
    X[y == "left_hand", 0] *= 3.0
    dataset = from_arrays(X, y, sfreq=128.0)
    paradigm = FilterBankLeftRightImagery(filters=[[4, 40], [8, 12], [12, 20]])
    result = evaluate(
        dataset, paradigm=paradigm, pipelines=["ACM(average)"], output=tmp_path / "a"
    )
    assert result.scores["score"].min() > 0.9
    with pytest.raises(ValueError, match="this pipeline takes 3-D trials"):
        evaluate(
            dataset, paradigm=paradigm, pipelines=["Cov+MDM"], output=tmp_path / "b"
        )
