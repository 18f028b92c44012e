"""Pictures show what they are given, and refuse what they cannot show."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="extra plot")
import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from skgeo import plotting


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_certificate_over_time_and_as_a_bar():
    history = [(0.0, 10.0, 20.0), (1.0, 14.0, 15.0), (2.0, 15.0, 15.0)]
    model = SimpleNamespace(
        lower_bound_=15.0, inertia_=15.0, certified_=True, history_=history
    )
    ax = plotting.plot_certificate(model)
    assert ax.get_title() == "proven optimal"
    incumbent, bound = ax.lines
    np.testing.assert_allclose(incumbent.get_ydata(), [20, 15, 15])
    np.testing.assert_allclose(bound.get_ydata(), [10, 14, 15])
    bar = plotting.plot_certificate(SimpleNamespace(lower_bound_=9.0, inertia_=10.0))
    assert "10 %" in bar.get_title()
    assert bar.patches[0].get_width() == 1.0
    with pytest.raises(ValueError, match="judged by certify_kmeans"):
        plotting.plot_certificate(SimpleNamespace(inertia_=1.0))


def test_equations_show_every_term_in_every_equation():
    model = SimpleNamespace(
        coef_=np.array([[0.0, 2.0], [-1.0, 0.5]]),
        coef_std_=np.full((2, 2), 0.1),
        feature_names_=["u", "u^3"],
    )
    ax = plotting.plot_equations(model)
    words = [label.get_text() for label in ax.get_yticklabels()]
    shown = dict(zip(words, ax.get_yticks(), strict=True))
    assert set(shown) == {"u^3 (equation 0)", "u (equation 1)", "u^3 (equation 1)"}
    x, y = ax.lines[1].get_data()
    assert dict(zip(y, x, strict=True))[shown["u (equation 1)"]] == -1.0
    empty = SimpleNamespace(coef_=np.zeros((1, 2)), coef_std_=np.zeros((1, 2)))
    assert plotting.plot_equations(empty).texts[0].get_text().strip() == "no term"


def test_sparsity_path_marks_the_choice():
    results = {
        "mean_test_sparsity": np.array([-5.0, -1.0]),
        "mean_test_skill": np.array([0.99, 0.9]),
    }
    ax = plotting.plot_sparsity_path(
        SimpleNamespace(cv_results_=results, best_index_=1)
    )
    np.testing.assert_allclose(np.ravel(ax.lines[-1].get_data()), [1, 0.1])
    with pytest.raises(ValueError, match="skill_scorer"):
        plotting.plot_sparsity_path(SimpleNamespace(cv_results_={}, best_index_=0))


def test_forecast_errors_are_relative_to_the_spread():
    truth = np.random.default_rng(0).standard_normal((3, 50, 2))
    ax = plotting.plot_forecast(
        truth, {"off by one spread": truth + truth.std()}, dt=0.5
    )
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 1.0)
    assert ax.lines[0].get_xdata()[-1] == 24.5
    with pytest.raises(ValueError, match=r"forecasts\['short'\] must have the shape"):
        plotting.plot_forecast(truth, {"short": truth[:, :10]})
    with pytest.raises(ValueError, match="truth must have shape"):
        plotting.plot_forecast(truth[0, 0], {})


def test_support_of_a_mode():
    model = SimpleNamespace(gammas_=[np.array([0, 2.0, 0, 1.0]), np.ones(2)])
    ax = plotting.plot_support(model, mode=0, truth=[1])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [1, 3])
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [1])
    with pytest.raises(ValueError, match="mode must be below 2; got 2"):
        plotting.plot_support(model, mode=2)


def test_embedding_grid_takes_the_best_of_other_parameters():
    results = {
        "param_order": np.array([1, 2, 2, 2]),
        "param_lag": np.array([1, 1, 4, 4]),
        "mean_test_score": np.array([0.6, 0.7, 0.8, 0.9]),
    }
    ax = plotting.plot_embedding_grid(SimpleNamespace(cv_results_=results))
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.6, 0.6], [0.7, 0.9]])
    with pytest.raises(ValueError, match="'order' and 'lag'"):
        plotting.plot_embedding_grid(SimpleNamespace(cv_results_={"param_C": []}))


def test_stream_marks_windows_without_a_decision():
    decisions = [
        SimpleNamespace(time=t, label=label)
        for t, label in ((1.0, "left"), (2.0, None), (3.0, "right"))
    ]
    ax = plotting.plot_stream(decisions, truth=["left", "left", "right"])
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [1, 3])
    np.testing.assert_allclose(ax.lines[2].get_xdata(), [2])
    with pytest.raises(ValueError, match="one label per decision, 3; got 1"):
        plotting.plot_stream(decisions, truth=["left"])


def test_patterns_want_one_value_per_electrode():
    pytest.importorskip("mne", reason="extra eeg")
    ax = plotting.plot_patterns([1.0, 0.0, -1.0, 0.5], ["C3", "Cz", "C4", "Pz"])
    assert len(ax.figure.axes) == 2  # the color bar
    with pytest.raises(ValueError, match="one number per electrode, 2"):
        plotting.plot_patterns([1.0], ["C3", "C4"])
