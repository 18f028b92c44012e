"""Shared by the tests that go through MOABB."""

import os

import pytest

# Set before MOABB is imported: no test may reach for the network.
os.environ.setdefault("MOABB_DOWNLOAD_PROVIDER", "upstream")


@pytest.fixture
def fake_dataset():
    """MOABB's own data set for tests: noise, two sessions, three subjects."""
    pytest.importorskip("moabb")
    from moabb.datasets.fake import FakeDataset

    return FakeDataset(
        ["left_hand", "right_hand"],
        n_sessions=2,
        n_runs=1,
        n_subjects=3,
        duration=100,
        n_events=16,
        seed=0,
    )


@pytest.fixture
def without_pictures(monkeypatch):
    """Leave the pictures of pages blank, where they do not matter: they take long."""
    monkeypatch.setattr("skgeo.eeg._moabb.report._save", lambda figure, path: "")
