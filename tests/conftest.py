"""Shared fixtures."""

import os
import pathlib

import pytest

import skgeo


@pytest.fixture(scope="session")
def recordings():
    """Folder of the recordings for tests; skips where they are not at hand."""
    folder = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", ""))
    if not (folder / "mamem2").is_dir():
        pytest.skip("recordings for tests are not at hand: set SKGEO_TEST_DATA")
    return folder


def pytest_sessionstart(session):
    """Compile once, before pytest-xdist starts workers that would all compile."""
    n_workers = getattr(session.config.option, "numprocesses", None)
    if n_workers and n_workers > 1:
        skgeo.warmup(n_jobs=n_workers)
