"""Shared fixtures."""

import os
import pathlib

import pytest

# Before numpy is loaded. Workers of pytest-xdist share the cores: a BLAS thread of one
# that waits for a core lets the other threads of its call spin, at five times the cost.
# What caps BLAS itself is tested with two threads (tests/utils/test_utils.py).
if os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

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
