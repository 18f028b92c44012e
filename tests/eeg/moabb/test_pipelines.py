"""The shipped pipelines: as a dict and as files, the same thing."""

import pathlib

import pytest
from sklearn.base import clone

pytest.importorskip("yaml")

from skgeo.eeg import param_grids, pipeline_folder, pipelines
from skgeo.eeg._moabb.pipelines import BASELINES, DEFAULT


def test_sets():
    everything = pipelines("all")
    assert set(BASELINES) < set(DEFAULT) < set(everything)
    assert list(pipelines()) == list(DEFAULT)
    assert list(pipelines("baselines")) == list(BASELINES)
    assert list(pipelines(["acm+mdm", "ACM+MDM", "csp+lda"])) == ["ACM+MDM", "CSP+LDA"]
    assert len(list(pathlib.Path(pipeline_folder()).glob("*.yml"))) == len(everything)


def test_new_objects_each_time():
    first, second = pipelines("Cov+MDM"), pipelines("Cov+MDM")
    assert first["Cov+MDM"] is not second["Cov+MDM"]
    grids = param_grids()
    next(iter(grids.values())).clear()
    assert all(param_grids().values())


def test_grids_fit_their_pipelines():
    for name, grid in param_grids().items():
        pipeline = pipelines(name)[name]
        assert set(grid) <= set(pipeline.get_params())
        clone(pipeline).set_params(**{key: values[0] for key, values in grid.items()})


def test_unknown_names():
    with pytest.raises(ValueError, match=r"Did you mean .*ACM\+MDM"):
        pipelines("ACM+MDN")
    with pytest.raises(ValueError, match="No pipeline given"):
        pipelines([])


def test_same_as_moabb_reads_them():
    utils = pytest.importorskip("moabb.pipelines.utils")
    read = utils.parse_pipelines_from_directory(pipeline_folder())
    mine, grids = pipelines("all"), param_grids()
    assert {config["name"] for config in read} == set(mine)
    for config in read:
        name = config["name"]
        assert repr(config["pipeline"].get_params()) == repr(mine[name].get_params())
        assert config.get("param_grid") == grids.get(name)


def test_moabb_tells_all_pipelines_apart():
    results = pytest.importorskip("moabb.analysis.results")
    digests = {results.get_digest(pipeline) for pipeline in pipelines("all").values()}
    assert len(digests) == len(pipelines("all"))


def test_rates_reach_the_average():
    plain = pipelines(["ACM(average)", "ACM+MDM"])
    given = pipelines(["ACM(average)", "ACM+MDM"], sfreq=250.0, band=(8.0, 32.0))
    name = "augmentedcovarianceclassifier"
    assert given["ACM(average)"].get_params()[f"{name}__sfreq"] == 250.0
    assert given["ACM(average)"].get_params()[f"{name}__band"] == (8.0, 32.0)
    assert plain["ACM(average)"].get_params()[f"{name}__sfreq"] is None
    assert repr(given["ACM+MDM"]) == repr(plain["ACM+MDM"])


def test_pipelines_for_event_related_potentials():
    from skgeo.eeg._moabb.pipelines import P300
    from skgeo.testing import make_trials

    X, y = make_trials(20, 3)
    found = pipelines("p300")
    assert list(found) == list(P300)
    for pipeline in found.values():
        assert pipeline.fit(X, y).predict_proba(X).shape == (20, 2)
