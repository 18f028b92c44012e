"""Shared fixtures."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def recordings():
    """Folder of the recordings for tests; skips where they are not at hand."""
    folder = pathlib.Path(os.environ.get("SKGEO_TEST_DATA", ""))
    if not (folder / "mamem2").is_dir():
        pytest.skip("recordings for tests are not at hand: set SKGEO_TEST_DATA")
    return folder
