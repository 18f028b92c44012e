"""Results on disk: nothing lost, nothing doubled, nothing misread."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("moabb")
pytest.importorskip("mne")

import pandas as pd

from skgeo.datasets import from_arrays
from skgeo.eeg import evaluate
from skgeo.eeg._moabb.store import Store, digest_of

ROOT = pathlib.Path(__file__).parents[3]
SCRIPT = """\
import sys
import numpy as np
from skgeo.datasets import from_arrays
from skgeo.eeg import evaluate
rng = np.random.RandomState(0)
X = rng.randn({n}, 3, 128)
y = ["left", "right"] * ({n} // 2)
data = from_arrays(X, y, sfreq=128.0, subject=np.arange({n}) // 20)
subjects = [int(s) for s in sys.argv[2].split(",")] if sys.argv[2] else None
print("ready", flush=True)
evaluate(data, pipelines=["Cov+MDM", "Cov+TS+LR"], band=None, subjects=subjects,
         output=sys.argv[1])
print("done", flush=True)
"""
N_PEOPLE = 6


def start(folder, subjects="", n_people=N_PEOPLE, **options):
    code = SCRIPT.format(n=20 * n_people)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), subjects],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


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
    return run(folder), pd.read_csv(folder / "folds.csv")


def same_as(uninterrupted, folder):
    """Whether a folder holds what an uninterrupted run gives, and nothing else."""
    calls = []
    result = run(folder, callbacks=calls.append)
    assert not calls
    assert result.study.n_computed == 0
    keys = ["task", "subject", "session", "pipeline"]
    for name in ("scores", "folds"):
        mine, whole = getattr(result, name), getattr(uninterrupted[0], name)
        pd.testing.assert_frame_equal(
            mine.drop(columns="time"), whole.drop(columns="time")
        )
    table = pd.read_csv(folder / "folds.csv")
    assert len(table) == len(uninterrupted[1])
    assert not table.duplicated([*keys, "fold"]).any()
    left = [p.name for p in folder.rglob("*") if p.name.startswith(".")]
    assert set(left) <= {".lock"}


def test_racing_processes(uninterrupted, tmp_path):
    # People are shared out, and some are everybody's.
    words = ["0,1", "1,2", "2,3", "3,4", "4,5", "5,0", "", "0,5"]
    running = [start(tmp_path, subjects) for subjects in words]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    same_as(uninterrupted, tmp_path)


def test_killed_at_random(uninterrupted, tmp_path):
    times = random.Random(0)
    n_kills = int(os.environ.get("SKGEO_KILLS", "3"))
    for _ in range(n_kills):
        process = start(tmp_path)
        assert process.stdout.readline() == "ready\n"
        time.sleep(times.uniform(0.0, 1.2))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        # whatever is there is whole
        store = Store(tmp_path)
        for path in store.folder.glob("*.json"):
            assert store._unit(path)["rows"]
    for path in (tmp_path / "units").glob(".*.json.*"):
        path.unlink()  # a file that was being written
    run(tmp_path)
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
def test_damaged_results_are_named_and_computed_again(how, uninterrupted, tmp_path):
    run(tmp_path)
    path = sorted((tmp_path / "units").glob("*.json"))[3]
    damage(path, how)
    with pytest.warns(UserWarning, match=f"{path.name} is damaged"):
        result = run(tmp_path)
    assert result.study.n_computed == 1
    same_as(uninterrupted, tmp_path)


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
            except ValueError as error:
                assert "checksum" in str(error) or "read" in str(error)  # noqa: PT017


@pytest.mark.parametrize("how", ["gone", "header", "cut", "binary"])
def test_the_table_of_folds_is_written_again(how, uninterrupted, tmp_path):
    run(tmp_path)
    table = tmp_path / "folds.csv"
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
    same_as(uninterrupted, tmp_path)


def test_results_of_an_earlier_layout(tmp_path):
    (tmp_path / "folds.csv").write_text("task,score\n1,2\n")
    with pytest.warns(UserWarning, match="results of an earlier layout"):
        result = run(tmp_path)
    assert len(pd.read_csv(tmp_path / "folds.csv")) == len(result.folds)


def test_another_release_is_another_result(tmp_path, monkeypatch):
    run(tmp_path)
    monkeypatch.setattr(
        "skgeo.eeg._moabb.jobs.releases", lambda: {"skgeo": "99", "mne": "1"}
    )
    assert run(tmp_path).study.n_found == 0


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
        with pytest.raises(
            OSError, match=r"No space left on device: .*small"
        ) as caught:
            run(small)
        assert caught.value.filename
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


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_a_limit_on_the_size_of_files(tmp_path):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    process = start(tmp_path, "0", 1, preexec_fn=limit)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "File too large" in err.strip().splitlines()[-1]
    assert "units" in err.strip().splitlines()[-1]
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
