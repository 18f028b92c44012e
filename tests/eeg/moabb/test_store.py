"""Results on disk: nothing lost, nothing doubled, nothing misread."""

import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

pytest.importorskip("moabb")
pytest.importorskip("mne")

import pandas as pd

from skgeo.datasets import from_arrays
from skgeo.eeg import evaluate
from skgeo.eeg._moabb.store import Store, digest_of

N_PEOPLE = 6


def start(folder, subjects):
    """Evaluate in a process of its own, forked: imports are there already."""
    process = multiprocessing.get_context("fork").Process(
        target=run, args=(folder,), kwargs={"subjects": subjects}
    )
    process.start()
    return process


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def people(n_people=N_PEOPLE):
    n = 20 * n_people
    X = np.random.RandomState(0).randn(n, 3, 128)
    y = ["left", "right"] * (n // 2)
    return from_arrays(X, y, sfreq=128.0, subject=np.arange(n) // 20)


def run(folder, **options):
    options = {"pipelines": ["Cov+MDM", "Cov+TS+LR"], "band": None} | options
    return evaluate(people(), output=folder, **options)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return run(folder), pd.read_csv(folder / "folds.csv"), folder


@pytest.fixture
def done(uninterrupted, tmp_path):
    """A copy of the folder that the uninterrupted run left."""
    return pathlib.Path(shutil.copytree(uninterrupted[2], tmp_path / "done"))


def same_as(uninterrupted, folder):
    """Whether a folder holds what an uninterrupted run gives, and nothing else."""
    calls = []
    result = run(folder, callbacks=calls.append)
    assert not calls
    assert result.study.n_computed == 0
    keys = ["task", "subject", "session", "pipeline"]
    for name in ("scores", "folds"):
        mine, whole = getattr(result, name), getattr(uninterrupted[0], name)
        mine, whole = mine.drop(columns="time"), whole.drop(columns="time")
        pd.testing.assert_frame_equal(mine, whole)
    table = pd.read_csv(folder / "folds.csv")
    assert len(table) == len(uninterrupted[1])
    assert not table.duplicated([*keys, "fold"]).any()
    left = [p.name for p in folder.rglob("*") if p.name.startswith(".")]
    assert set(left) <= {".lock"}


@needs_fork
def test_racing_processes(uninterrupted, tmp_path):
    # People are shared out, and some are everybody's.
    words = ["0,1", "1,2", "2,3", "3,4", "4,5", "5,0", None, "0,5"]
    running = [start(tmp_path, subjects) for subjects in words]
    for process in running:
        process.join(timeout=300)
        assert process.exitcode == 0
    assert len(pd.read_csv(tmp_path / "folds.csv")) == len(uninterrupted[1])
    same_as(uninterrupted, tmp_path)


@needs_fork
def test_killed_at_random(uninterrupted, tmp_path):
    times = random.Random(0)
    store = Store(tmp_path)
    n_left = []
    for _ in range(20):
        process = start(tmp_path, None)
        time.sleep(times.uniform(0.0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        # whatever is there is whole
        units = list(store.folder.glob("*.json"))
        assert all(store._unit(path)["rows"] for path in units)
        n_left.append(len(units))
    assert n_left == sorted(n_left)
    run(tmp_path)
    for path in store.folder.glob(".*.json.*"):
        path.unlink()  # what was being written when the process was killed
    same_as(uninterrupted, tmp_path)


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    elif how == "empty":
        content = bytearray()
    elif how == "binary":
        content = bytearray(os.urandom(500))
    elif how == "another's":
        other = next(p for p in path.parent.glob("*.json") if p != path)
        content = bytearray(other.read_bytes())
    elif how == "json":
        content = bytearray(b"[1, 2]")
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "how", ["truncated", "empty", "binary", "another's", "json", "flipped"]
)
def test_damaged_results_are_named_and_computed_again(how, uninterrupted, done):
    path = sorted((done / "units").glob("*.json"))[3]
    damage(path, how)
    with pytest.warns(UserWarning, match=f"{path.name} is damaged"):
        result = run(done)
    assert result.study.n_computed == 1
    same_as(uninterrupted, done)


def test_every_flipped_bit_is_found_or_harmless(tmp_path):
    store = Store(tmp_path)
    unit = {"key": "k" * 32, "rows": [{"score": 0.125, "subject": "Zoë"}], "folds": []}
    store.write(unit)
    path = store.folder / f"{'k' * 32}.json"
    good = path.read_bytes()
    assert store.read("k" * 32) == unit
    for at in range(len(good)):
        for bit in (0, 3, 7):
            content = bytearray(good)
            content[at] ^= 1 << bit
            path.write_bytes(bytes(content))
            try:
                assert store._unit(path) == unit
            except ValueError as error:  # a flipped bit may also do no harm
                assert "checksum" in str(error) or "read" in str(error)  # noqa: PT017


@pytest.mark.parametrize("how", ["gone", "header", "cut", "binary"])
def test_the_table_of_folds_is_written_again(how, uninterrupted, done):
    table = done / "folds.csv"
    text = table.read_bytes()
    if how == "gone":
        table.unlink()
    else:
        table.write_bytes(
            {
                "header": text.split(b"\n")[0] + b"\n",
                "cut": text[: len(text) // 2],
                "binary": bytes(range(256)),
            }[how]
        )
    same_as(uninterrupted, done)


def test_results_of_an_earlier_layout(tmp_path):
    (tmp_path / "folds.csv").write_text("task,score\n1,2\n")
    with pytest.warns(UserWarning, match="results of an earlier layout"):
        result = run(tmp_path)
    assert len(pd.read_csv(tmp_path / "folds.csv")) == len(result.folds)


def test_another_release_is_another_result(done, monkeypatch):
    monkeypatch.setattr(
        "skgeo.eeg._moabb.jobs.releases", lambda: {"skgeo": "99", "mne": "1"}
    )
    assert run(done).study.n_found == 0


def test_results_of_other_commands_are_in_the_table_too(tmp_path):
    run(tmp_path, subjects=[0])
    run(tmp_path, subjects=[1], pipelines=["Cov+MDM"])
    result = run(tmp_path, subjects=[2], pipelines=["Cov+MDM"], cv=2)
    assert len(result.folds) == 2
    table = pd.read_csv(tmp_path / "folds.csv")
    assert table["subject"].value_counts().to_dict() == {0: 10, 1: 5, 2: 2}
    assert table["setup"].nunique() == 2


def test_digests():
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    assert digest_of(LogisticRegression()) == digest_of(LogisticRegression())
    assert digest_of(LogisticRegression()) != digest_of(LogisticRegression(C=2.0))
    # arrays too long to be shown whole
    first, second = np.zeros(5000), np.zeros(5000)
    second[2500] = 1
    assert digest_of(DummyClassifier(constant=first)) != digest_of(
        DummyClassifier(constant=second)
    )
    assert digest_of(lambda x: x)  # cannot be pickled


def mount(folder, size):
    """Mount a small file system; skips where that is not allowed."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("no right to mount a file system")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX only")
def test_a_full_disk(uninterrupted, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    small = tmp_path / "small"
    small.mkdir()
    mount(small, "40k")
    try:
        with pytest.raises(OSError, match="No space left on device") as caught:
            run(small)
        assert "small" in caught.value.filename
        store = Store(small)
        units = list(store.folder.glob("*.json"))
        assert units  # what there was room for
        for path in units:
            assert store._unit(path)["rows"]
        assert not list(store.folder.glob(".*.json.*"))
        (tmp_path / "roomy").mkdir()
        subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
        result = run(small)
        assert result.study.n_found == len(units)
        same_as(uninterrupted, small)
    finally:
        subprocess.run(["umount", str(small)], check=True)


@needs_fork
def test_a_limit_on_the_size_of_files(tmp_path):
    import resource

    mine, theirs = multiprocessing.Pipe(duplex=False)

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
        try:
            run(tmp_path, subjects=[0])
        except OSError as error:
            theirs.send((error.strerror, str(error.filename)))

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    assert mine.poll(60)
    words, path = mine.recv()
    process.join()
    assert words == "File too large"
    assert str(tmp_path / "units") in path
    assert not [p for p in (tmp_path / "units").iterdir() if p.suffix == ".json"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file is a file"):
        run(tmp_path / "file" / "deep")
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(PermissionError, match="not writable"):
            run(tmp_path / "locked" / "out")


def test_units_are_plain_json(tmp_path):
    result = run(tmp_path, subjects=[0], pipelines=["Cov+MDM"])
    (path,) = (tmp_path / "units").glob("*.json")
    unit = json.loads(path.read_text("utf-8"))["unit"]
    assert unit["rows"][0]["score"] == result.scores["score"].iloc[0]
    assert unit["about"]["trials"] == {"0": {"left": 10, "right": 10}}
    assert unit["releases"]["skgeo"]
