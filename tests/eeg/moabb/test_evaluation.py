"""Evaluations through MOABB: both routes, three evaluations, resuming, errors."""
# ruff: noqa: E402

import pathlib

import numpy as np
import pytest

moabb = pytest.importorskip("moabb")
pytest.importorskip("mne")
pytest.importorskip("typer")

import pandas as pd
from moabb.evaluations import (
    CrossSessionEvaluation,
    CrossSubjectEvaluation,
    WithinSessionEvaluation,
)
from moabb.paradigms import LeftRightImagery, MotorImagery
from sklearn.base import BaseEstimator, ClassifierMixin

from skgeo.datasets import EmbeddedMotorImagery, from_arrays, load_embedded_eeg
from skgeo.datasets._eeg.register import register_in_moabb
from skgeo.eeg import evaluate, pipeline_folder, pipelines
from skgeo.eeg._moabb.lookup import find_dataset, find_paradigm
from skgeo.exceptions import NoNetworkError

NAMES = ["Cov+MDM", "ACM+TS+SVM", "ACM+MDM"]
PLAIN = {
    "within-session": WithinSessionEvaluation,
    "cross-session": CrossSessionEvaluation,
    "cross-subject": CrossSubjectEvaluation,
}
CHANNELS = ["C3", "Cz", "C4"]


def two_people():
    """The embedded recording's two tasks as two subjects: real data to cross."""
    data = load_embedded_eeg("all", channels=CHANNELS, band=None)
    y = np.where(np.isin(data.y, ["left_hand", "hands"]), "left_hand", "right_hand")
    subject = np.where(np.isin(data.run, [4, 8, 12]), 1, 2)
    return from_arrays(data.X, y, sfreq=data.sfreq, subject=subject, session=data.run)


def real_dataset(evaluation):
    if evaluation == "cross-subject":
        return two_people()
    sessions = "one" if evaluation == "within-session" else "blocks"
    return EmbeddedMotorImagery(channels=CHANNELS, sessions=sessions)


@pytest.mark.parametrize("evaluation", list(PLAIN))
@pytest.mark.parametrize("real", [False, True], ids=["fake", "real"])
def test_equals_plain_moabb(evaluation, real, fake_dataset, tmp_path):
    # The dict route with MOABB's own class, and ours that streams: the same scores.
    # MOABB fits with metadata routing switched on.
    dataset = real_dataset(evaluation) if real else fake_dataset
    mine = evaluate(
        dataset,
        paradigm="LeftRightImagery",
        evaluation=evaluation,
        pipelines=NAMES,
        output=tmp_path / "mine",
    ).scores
    plain = PLAIN[evaluation](
        paradigm=LeftRightImagery(),
        datasets=[dataset],
        random_state=42,
        hdf5_path=str(tmp_path / "plain"),
    ).process(pipelines(NAMES))
    # MOABB shows its own keys of sessions, skgeo the names as given.
    names = getattr(dataset, "session_names", {})
    by_name = {str(subject): keys for subject, keys in names.items()}
    plain["session"] = [
        by_name.get(s, {}).get(session, session)
        for s, session in zip(plain["subject"], plain["session"], strict=True)
    ]
    key = ["subject", "session", "pipeline"]
    pd.testing.assert_series_equal(
        mine.set_index(key)["score"].sort_index(),
        plain.set_index(key)["score"].sort_index().astype(float),
        atol=1e-7,
    )
    assert mine["score"].between(0, 1).all()
    assert len(mine) == len(NAMES) * mine.groupby(["subject", "session"]).ngroups


@pytest.mark.parametrize(
    "evaluation", ["WithinSession", "CrossSession", "CrossSubject"]
)
@pytest.mark.parametrize("real", [False, True], ids=["fake", "real"])
def test_yaml_route(evaluation, real, fake_dataset, tmp_path, capsys):
    if real:
        dataset = real_dataset(
            {"WithinSession": "within-session", "CrossSession": "cross-session"}.get(
                evaluation, "cross-subject"
            )
        )
        register_in_moabb(dataset)
    else:
        dataset = fake_dataset
    folder = tmp_path / "pipelines"
    folder.mkdir()
    for name in ("cov_mdm", "acm_ts_svm", "acm_mdm"):
        content = (pathlib.Path(pipeline_folder()) / f"{name}.yml").read_text()
        (folder / f"{name}.yml").write_text(content)
    frame = moabb.benchmark(
        pipelines=str(folder),
        evaluations=[evaluation],
        paradigms=["LeftRightImagery"],
        include_datasets=[dataset],
        results=str(tmp_path / "results"),
        output=str(tmp_path / "out"),
        n_jobs=1,
    )
    assert set(frame["pipeline"]) == set(NAMES)
    assert frame["score"].between(0, 1).all()


def test_nested_search_through_both_routes(tmp_path):
    dataset = EmbeddedMotorImagery(channels=CHANNELS)
    name = "ACM+TS+SVM(grid)"
    grid = {
        name: {
            "augmentedcovarianceclassifier__order": [1, 3],
            "augmentedcovarianceclassifier__lag": [2, 8],
        }
    }
    options = {"paradigm": "LeftRightImagery", "output": tmp_path}
    mine = evaluate(dataset, pipelines=pipelines(name), param_grid=grid, **options)
    plain = WithinSessionEvaluation(
        paradigm=LeftRightImagery(),
        datasets=[dataset],
        random_state=42,
        hdf5_path=str(tmp_path / "plain"),
    ).process(pipelines(name), param_grid=grid)
    np.testing.assert_allclose(mine.scores["score"], plain["score"], atol=1e-7)
    # Another grid is another result, though MOABB does not key results by the grid.
    grid[name]["augmentedcovarianceclassifier__order"] = [2]
    calls = []
    evaluate(
        dataset,
        pipelines=pipelines(name),
        param_grid=grid,
        callbacks=calls.append,
        **options,
    )
    assert calls


class Interrupting(ClassifierMixin, BaseEstimator):
    """Ends the run at its n-th fit, as Ctrl-C would."""

    fits_left = 0

    def fit(self, X, y):
        type(self).fits_left -= 1
        if type(self).fits_left < 0:
            raise KeyboardInterrupt
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, 0].std(axis=1)

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 1).astype(int)]


def test_an_interrupted_run_goes_on(fake_dataset, tmp_path):
    chosen = {**pipelines("Cov+MDM"), "interrupting": Interrupting()}
    options = {"pipelines": chosen, "output": tmp_path}
    # 3 subjects x 2 sessions x 5 folds: stop inside the second subject
    Interrupting.fits_left = 13
    seen = []
    with pytest.raises(KeyboardInterrupt):
        evaluate(fake_dataset, callbacks=seen.append, **options)
    finished = [r for r in seen if r.score is not None]
    assert len(finished) == 20 + 3 + 10
    Interrupting.fits_left = 1000
    again = []
    result = evaluate(fake_dataset, callbacks=again.append, **options)
    redone = {(r.subject, r.pipeline) for r in again if r.score is not None}
    assert redone == {("2", "interrupting"), ("3", "interrupting"), ("3", "Cov+MDM")}
    assert len(result.scores) == 12
    assert len(result.folds) == 60
    assert not result.folds.duplicated(["pipeline", "subject", "session", "fold"]).any()
    # a complete run computes nothing, and --overwrite everything
    third = []
    evaluate(fake_dataset, callbacks=third.append, **options)
    assert not third
    evaluate(fake_dataset, callbacks=third.append, overwrite=True, **options)
    assert sum(r.score is not None for r in third) == 60


def test_fold_scores_average_to_moabbs(tmp_path):
    result = evaluate(pipelines=NAMES, channels=CHANNELS, output=tmp_path)
    mean = result.folds.groupby(["task", "pipeline"])["score"].mean()
    scores = result.scores.set_index(["task", "pipeline"])["score"]
    np.testing.assert_allclose(
        mean.sort_index(), scores.sort_index(), rtol=1e-6
    )  # float32
    four = "left_hand / right_hand / hands / feet"
    assert result.scores["task"].unique().tolist() == [
        "left_hand / right_hand",
        "left_hand / right_hand, pairs of runs left out",
        four,
        f"{four}, pairs of runs left out",
    ]


def test_two_processes_give_the_same(tmp_path):
    options = {"pipelines": NAMES[:2], "channels": CHANNELS}
    one = evaluate(output=tmp_path / "1", n_jobs=1, **options)
    two = evaluate(output=tmp_path / "2", n_jobs=2, **options)
    assert one.scores["score"].tolist() == two.scores["score"].tolist()
    assert len(one.folds) == len(two.folds)


def test_subjects(fake_dataset, tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    frame = evaluate(fake_dataset, subjects=["2"], **options).scores
    assert frame["subject"].astype(str).unique().tolist() == ["2"]
    assert fake_dataset.subject_list == [1, 2, 3]
    with pytest.raises(ValueError, match="has no subject"):
        evaluate(fake_dataset, subjects=[9], **options)


def test_names():
    register_in_moabb()  # its name is then in both lists
    assert find_dataset("embeddedmotorimagery").code == "EmbeddedMotorImagery-motor"
    assert find_dataset("zhou2016").code == "Zhou2016"
    with pytest.raises(ValueError, match="Did you mean BNCI2014_001"):
        find_dataset("BNCI2014-001")
    with pytest.raises(ValueError, match=r"Did you mean .*PhysionetMI"):
        find_dataset("Physionet")
    with pytest.raises(ValueError, match="Unknown data set"):
        find_dataset("xyzzy")
    with pytest.raises(FileNotFoundError):
        find_dataset("missing.npz")


def test_paradigms():
    embedded = EmbeddedMotorImagery()
    assert type(find_paradigm(None, embedded)) is LeftRightImagery
    feet = find_paradigm(None, embedded, classes=["feet", "hands"], band=(4, 40))
    assert type(feet) is MotorImagery
    assert feet.scoring == "roc_auc"
    assert feet.filters == [[4, 40]]
    with pytest.raises(ValueError, match=r"Did you mean .*LeftRightImagery"):
        find_paradigm("LeftRight", embedded)
    with pytest.raises(ValueError, match="does not fit"):
        find_paradigm("P300", embedded)
    with pytest.raises(ValueError, match="channels must be a sequence"):
        find_paradigm(None, embedded, channels="motor")
    with pytest.raises(ValueError, match=r"has no channel C33.*Did you mean C3"):
        find_paradigm(None, embedded, channels=["C33"])
    with pytest.raises(ValueError, match="has no class"):
        find_paradigm(None, embedded, classes=["tongue", "feet"])
    with pytest.raises(ValueError, match="does not let one choose"):
        find_paradigm("LeftRightImagery", embedded, classes=["hands", "feet"])


def test_what_cannot_be_crossed(tmp_path):
    with pytest.raises(ValueError, match="at least two subjects"):
        evaluate(evaluation="cross-subject", output=tmp_path)
    one = EmbeddedMotorImagery(channels=CHANNELS)
    with pytest.raises(ValueError, match="at least two sessions"):
        evaluate(one, evaluation="cross-session", output=tmp_path)


def test_no_network(tmp_path, monkeypatch):
    import requests
    from moabb.datasets import Zhou2016

    def refuse(self, subject):
        try:
            raise requests.exceptions.ConnectionError("no route to host")
        except requests.exceptions.ConnectionError as error:
            raise RuntimeError("download failed") from error

    monkeypatch.setattr(Zhou2016, "_get_single_subject_data", refuse)
    with pytest.raises(NoNetworkError, match="EmbeddedMotorImagery"):
        evaluate("Zhou2016", subjects=[1], pipelines=["Cov+MDM"], output=tmp_path)
    # an error of another kind is not taken for one of the network
    monkeypatch.setattr(Zhou2016, "_get_single_subject_data", lambda self, s: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate("Zhou2016", subjects=[1], pipelines=["Cov+MDM"], output=tmp_path)


def test_folds_are_numbered_from_one_in_each_session(fake_dataset, tmp_path):
    seen = []
    result = evaluate(
        fake_dataset,
        pipelines=["Cov+MDM"],
        subjects=[2],
        output=tmp_path,
        callbacks=seen.append,
    )
    for _, rows in result.folds.groupby(["subject", "session"]):
        assert rows["fold"].tolist() == [1, 2, 3, 4, 5]
    told = [(r.fold, r.n_folds) for r in seen if r.score is not None]
    assert told == [(i, 10) for i in range(1, 11)]  # two sessions of five
    assert [(r.done, r.total) for r in seen][-1] == (1, 1)
    cross = evaluate(
        fake_dataset,
        evaluation="cross-subject",
        pipelines=["Cov+MDM"],
        output=tmp_path,
    )
    assert (cross.folds["fold"] == 1).all()  # one subject is left out once


class Asks(Interrupting):
    """Has parameters that MOABB does not hand over, but skgeo does."""

    def __init__(self, sfreq=None, band=None, order=None):
        self.sfreq = sfreq
        self.band = band
        self.order = order

    def fit(self, X, y):
        TOLD.append((self.sfreq, self.band, self.order))
        self.classes_ = np.unique(y)
        return self


TOLD = []


def test_rate_and_band_reach_the_steps_that_ask(tmp_path):
    from sklearn.pipeline import make_pipeline

    options = {"classes": ["hands", "feet"], "cv": 2, "output": tmp_path}
    options["channels"] = CHANNELS
    chosen = {"asks": Asks(), "in a pipeline": make_pipeline(Asks(band=(1.0, 2.0)))}
    TOLD.clear()
    evaluate(pipelines=chosen, **options)
    assert set(TOLD) == {(160.0, (8.0, 32.0), None), (160.0, (1.0, 2.0), None)}
    assert chosen["asks"].sfreq is None  # the user's own is left as it was
    TOLD.clear()
    evaluate(pipelines={"asks": Asks()}, resample=80, band=(4, 30), **options)
    evaluate(pipelines={"asks": Asks()}, band=None, **options)
    assert TOLD == [(80.0, (4.0, 30.0), None)] * 2 + [(160.0, None, None)] * 2


def noise(labels, n=20, **options):
    X = np.random.RandomState(0).randn(n, 3, 128)
    y = np.resize(labels, n)
    return from_arrays(X, y, sfreq=128.0, **options)


def test_rest_stays_where_it_is_needed_or_was_named(tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    scores = evaluate(noise(["rest", "right_hand"]), **options).scores
    assert scores[["task", "n_classes"]].values.tolist() == [["rest / right_hand", 2]]
    assert scores["score"].iloc[0] < 0.9
    three = noise(["left_hand", "rest", "right_hand"], 30)
    assert evaluate(three, **options).scores["n_classes"].tolist() == [3]
    both = {"classes": ["left_hand", "right_hand"], **options}
    assert evaluate(three, **both).scores["task"].tolist() == ["left_hand / right_hand"]
    # of a published data set rest is left out, as in MOABB
    embedded = find_paradigm("MotorImagery", EmbeddedMotorImagery())
    assert "rest" not in embedded.used_events(EmbeddedMotorImagery())


def test_one_class_is_never_evaluated(tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    with pytest.raises(ValueError, match="one class"):
        evaluate(noise(["rest"]), **options)
    # one of two people has one class only
    y = np.repeat(["left_hand", "right_hand"], [10, 30])
    lopsided = noise(y, 40, subject=np.repeat([1, 2], 20))
    with pytest.raises(ValueError, match="subject 2, session 0: there is only the cl"):
        evaluate(lopsided, **options)
    with pytest.raises(ValueError, match="a training set holds 1 class"):
        evaluate(lopsided, evaluation="cross-subject", subjects="1,2", **options)
    # the wrong folds: all trials of one class come first
    sorted_labels = noise(np.repeat(["left_hand", "right_hand"], 10))
    with pytest.raises(ValueError, match=r"holds 1 class.*cv= \(--folds\)"):
        evaluate(sorted_labels, cv="chronological:3", **options)
    with pytest.raises(ValueError, match="20 folds need 20 trials of each class"):
        evaluate(sorted_labels, cv=20, **options)
    with pytest.raises(ValueError, match="several runs in each session"):
        evaluate(sorted_labels, cv="runs", **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": (32, 8)}, "low < high"),
        ({"band": (8, 64)}, "half the sampling frequency, 64 Hz"),
        ({"band": 8}, "'band' must be"),
        ({"interval": (5, 1)}, "start < stop"),
        ({"interval": (0, 1)}, r"interval= \(--interval\) is for files"),
        ({"events": {"a": 1, "b": 2}}, "is for files"),
        ({"subjects": []}, "'subjects' must be"),
        ({"subjects": "3-1"}, "runs backwards"),
        ({"subjects": range(10**6)}, "has no subject"),
        ({"classes": ["left_hand"]}, "at least two"),
        ({"classes": "left_hand"}, "'classes' must be"),
        ({"channels": ["Fz"]}, "has no channel Fz"),
        ({"param_grid": {"Cov+MDN": {}}}, r"Did you mean Cov\+MDM"),
        ({"pipelines": {}}, "no pipeline"),
        ({"pipelines": {"x": 3}}, "must map names to scikit-learn estimators"),
        ({"paradigm": 3}, "paradigm must be"),
        ({"scorer": "acuracy"}, "Did you mean accuracy"),
        ({"scorer": "r2"}, "is not for classes"),
        ({"scorer": "rand_score"}, "is not for classes"),
        ({"n_jobs": 0}, "'n_jobs' must be"),
        ({"random_state": None}, "'random_state' must be"),
        ({"overwrite": 1}, "'overwrite' must be"),
        ({"callbacks": 1}, "'callbacks' must be"),
        ({"cv": True}, "must be a number of folds"),
        ({"evaluation": "cross-subject", "cv": 3}, "is for within-session"),
    ],
)
def test_clear_errors(change, message, tmp_path):
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path / "out"} | change
    with pytest.raises(ValueError, match=message):
        evaluate(noise(["left_hand", "right_hand"]), **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"band": (8, 30)},
        {"channels": ["C3", "C4"]},
        {"classes": ["left_hand", "right_hand"]},
        {"scorer": "accuracy"},
        {"resample": 80},
    ],
)
def test_what_a_paradigm_made_already_would_ignore(change, tmp_path):
    with pytest.raises(ValueError, match="would have no effect beside a paradigm"):
        evaluate(
            EmbeddedMotorImagery(),
            paradigm=LeftRightImagery(),
            output=tmp_path,
            **change,
        )


@pytest.mark.parametrize("thing", [3, (np.zeros((4, 3, 9)), [0, 1, 0, 1]), [None]])
def test_what_is_no_data_set(thing, tmp_path):
    with pytest.raises(ValueError, match=r"dataset must be .*from_arrays"):
        evaluate(thing, output=tmp_path)


def test_another_setting_is_another_result(tmp_path):
    # MOABB keys results by neither seed, folds, score nor the people trained on.
    X, y = load_trials()
    people = from_arrays(X, y, sfreq=160.0, subject=np.arange(len(y)) % 3)
    calls = []
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path, "callbacks": calls.append}
    variants = [
        {},
        {"random_state": 7},
        {"cv": 3},
        {"cv": "blocks:3"},
        {"scorer": "accuracy"},
        {"band": None},
        {"evaluation": "cross-subject"},
        {"evaluation": "cross-subject", "subjects": [0, 1]},
    ]
    results = []
    for change in variants:
        calls.clear()
        results.append(evaluate(people, **options, **change))
        assert calls
        assert results[-1].study.n_found == 0
    for change, first in zip(variants, results, strict=True):
        calls.clear()
        again = evaluate(people, **options, **change)
        assert not calls
        pd.testing.assert_frame_equal(again.scores, first.scores)
        pd.testing.assert_frame_equal(again.folds, first.folds)


def load_trials():
    data = load_embedded_eeg("left_right", channels=CHANNELS, band=None)
    return data.X, data.y


def test_chronological_folds_train_on_the_past(tmp_path):
    seen = []

    class Looks(Interrupting):
        def fit(self, X, y):
            self.last = X[:, 0, 0].max()
            return super().fit(X, y)

        def decision_function(self, X):
            seen.append((self.last, X[:, 0, 0].min()))
            return super().decision_function(X)

    Interrupting.fits_left = 100
    X = np.random.RandomState(0).randn(24, 3, 128)
    X[:, 0, 0] = np.arange(24)
    data = from_arrays(X, ["a", "b"] * 12, sfreq=128.0)
    evaluate(
        data,
        pipelines={"looks": Looks()},
        cv="chronological",
        band=None,
        output=tmp_path,
    )
    assert len(seen) == 5
    assert all(last < first for last, first in seen)


def test_a_splitter_of_scikit_learn_has_runs_as_groups(tmp_path):
    from sklearn.model_selection import GroupKFold

    X, y = load_trials()
    run = np.repeat([0, 1, 2], 15)
    data = from_arrays(X, y, sfreq=160.0, run=run)
    options = {"pipelines": ["Cov+MDM"], "output": tmp_path}
    own = evaluate(data, cv=GroupKFold(3), **options)
    named = evaluate(data, cv="runs", **options)
    assert sorted(own.folds["score"]) == sorted(named.folds["score"])


def test_bars_and_lines_are_for_those_who_ask(tmp_path, capfd):
    evaluate(noise(["a", "b"]), pipelines=["Cov+MDM"], output=tmp_path)
    assert capfd.readouterr() == ("", "")
    evaluate(
        noise(["a", "b"]),
        pipelines=["Cov+MDM"],
        output=tmp_path,
        verbose=1,
        overwrite=True,
    )
    assert "1/1  a / b  Cov+MDM  subject 1  score" in capfd.readouterr().err


def test_an_error_says_where(tmp_path):
    class Fails(Interrupting):
        def fit(self, X, y):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no") as caught:
        evaluate(noise(["a", "b"]), pipelines={"f": Fails()}, output=tmp_path)
    assert caught.value.__notes__ == ["in pipeline f, subject 1, fold 1"]


def test_event_related_potentials_have_pipelines_of_their_own(tmp_path):
    X = np.random.RandomState(0).randn(40, 4, 128)
    y = np.array(["Target", "NonTarget"] * 20)
    # what is locked to the stimulus is in the mean, not in the covariance
    X[y == "Target", :, 30:60] += 0.5
    data = from_arrays(X, y, sfreq=128.0, paradigm="p300")
    result = evaluate(data, band=None, output=tmp_path)
    mean = result.scores.set_index("pipeline")["score"]
    assert set(mean.index) == set(pipelines("p300"))
    assert mean["Xdawn+TS+LR"] > 0.9 > mean["Cov+TS+LR"] + 0.1
    assert set(result.study.pipelines) == set(mean.index)


def test_rate_and_band_go_where_they_have_an_effect():
    from skgeo.eeg import AugmentedCovarianceClassifier
    from skgeo.eeg._moabb.trials import tell_rate_and_band

    average = tell_rate_and_band(AugmentedCovarianceClassifier(), 160.0, (8.0, 32.0))
    assert (average.sfreq, average.band) == (160.0, (8.0, 32.0))
    single = AugmentedCovarianceClassifier(selection=None)
    assert tell_rate_and_band(single, 160.0, (8.0, 32.0)) is single
    chosen = pipelines("all")
    told = {
        name: tell_rate_and_band(p, 160.0, (8.0, 32.0)) is not p
        for name, p in chosen.items()
    }
    assert told["ACM(average)"]
    assert not told["ACM+TS+SVM"]
    assert not told["Cov+MDM"]


@pytest.mark.parametrize("band", [(None, 30.0), (8.0, None), (0.0, 30.0)])
def test_a_band_may_be_open_at_one_end(band, tmp_path):
    X = np.random.RandomState(0).randn(20, 3, 128)
    dataset = from_arrays(X, ["left_hand", "right_hand"] * 10, sfreq=128.0)
    found = evaluate(dataset, pipelines=["Cov+MDM"], band=band, output=tmp_path)
    assert found.scores["score"].between(0, 1).all()
