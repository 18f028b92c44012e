"""Shared fixtures."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="session")
def recordings():
    """Folder of the recordings for tests; skips where they are not at hand."""
    folder = pathlib.Path(
        os.environ.get("SKGEO_TEST_DATA", ROOT.parent / "shared/data")
    )
    if not (folder / "mamem2").is_dir():
        pytest.skip(f"recordings for tests are not at hand (SKGEO_TEST_DATA={folder})")
    return folder
