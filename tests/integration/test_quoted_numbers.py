"""Numbers that README, landing page and paper quote are those of the benchmarks."""

import json
import pathlib
import re

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results"
pytestmark = pytest.mark.skipif(not RESULTS.is_dir(), reason="run from a checkout")


def rows(name, **wanted):
    """Return the rows of a benchmark with these values."""
    found = json.loads((RESULTS / f"{name}.json").read_text())["rows"]
    return [row for row in found if all(row.get(k) == wanted[k] for k in wanted)]


def words(name):
    """Return the text of a page with single spaces and without emphasis."""
    text = (ROOT / name).read_text("utf-8").replace("**", "").replace("`", "")
    return re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module")
def front():
    return [words("README.md"), words("docs/index.md")]


@pytest.fixture(scope="module")
def paper():
    return words("paper/paper.md")


def test_flickering_lights(front, paper):
    data = "Kalunga, five folds"
    plain, ours = (
        np.array(rows("eeg_bands_kalunga", data=data, method=method)[0]["each"].split())
        for method in ("Cov+TS+LR", "average, seconds and bands")
    )
    plain, ours = plain.astype(float), ours.astype(float)
    assert len(ours) == 7
    assert np.all(ours > plain)
    for page in (*front, paper):
        assert "seven people" in page
        assert f"{ours.mean():.0f} % of the trials are labeled correctly" in page
        assert f"against {plain.mean():.0f} % by" in page


def test_exact_k_means(front, paper):
    sets = [rows("cluster_exact", row="exact", set=name)[0]
            for name in ("iris", "wine", "seeds", "glass")]  # fmt: skip
    assert max(row["gap"] for row in sets) <= 1e-4
    assert all(row["status"] == "optimal" for row in sets)
    seconds = [row["cpu"] for row in sets]
    for page in (*front, paper):
        assert "0.01 %" in page
        assert f"{min(seconds):.1f} to {max(seconds):.0f} seconds" in page
    plane = [rows("cluster_exact", row="exact", set=name)[0]
             for name in ("pr299, K=10", "fl417, K=10")]  # fmt: skip
    assert all(row["status"] == "optimal" and row["nodes"] == 1 for row in plane)
    first, second = (f"{row['cpu']:.1f}" for row in plane)
    flowed = " ".join(paper.split())
    assert f"{plane[0]['n']} and {plane[1]['n']} points of the plane" in flowed
    assert f"{first} and {second} seconds, without branching" in flowed


def test_sparse_regression(front, paper):
    ours, peer = (
        rows("evidence_search", task="evidence", kind="all", solver=solver)[0]
        for solver in ("search", "ARDRegression")
    )
    assert 3 * ours["cpu"] < peer["cpu"]  # "in less than a third of its time"
    for page in (*front, paper):
        assert f"{ours['exact']} of {ours['problems']} problems" in page
        assert re.search(rf"\b{peer['exact']}\b", page)


def test_the_rest_of_the_paper(paper):
    ratios = [row["ratio"] for row in rows("eeg_search")]
    assert f"{min(ratios):.0f} to {max(ratios):.0f} times less time" in paper
    at_4 = {row["method"]: row["nmse_mean"] for row in rows("irs_mimo", snr=4)}
    published = min(v for k, v in at_4.items() if k.startswith("published"))
    assert (
        f"error is {at_4['best']:.3f}; the best published one is {published}" in paper
    )
    ratios = [row["ratio"] for row in rows("supervised_dictionary_published")]
    assert f"reached {min(ratios):.0f} to {max(ratios):.0f} times faster" in paper
    clean, noisy = (
        rows(
            "dynamics_counts",
            set="14 ODE models",
            model="takes dt",
            noise=n,
        )
        for n in (0.0, 0.01)
    )
    (clean,), (noisy,) = clean, noisy
    assert clean["warned"] == clean["silent"] == 0
    assert f"Of {clean['exact']} imperfect ordinary differential equations all" in paper
    assert f"{noisy['exact']} are, {noisy['warned']} of the others with" in paper
    assert f"and {noisy['silent']} are wrong without one" in paper
