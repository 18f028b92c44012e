"""Results on disk: one checked file per subject and pipeline.

Each unit of work has a file of its own, written in one step and named by a digest of
all that decides its content. So any number of processes may share a folder, a crash at
any moment leaves whole files only, and results of other settings are never taken for
the ones asked for. ``folds.csv`` is put together from them and can always be again.
"""

import hashlib
import json
import pathlib
import re
from contextlib import contextmanager

from skgeo.utils.files import atomic_write
from skgeo.utils.warn import warn_user

__all__ = ["Store", "digest_of", "unit_key"]

FORMAT = 1
FOLD_COLUMNS = (
    "task",
    "evaluation",
    "folds",
    "dataset",
    "pipeline",
    "subject",
    "session",
    "fold",
    "score",
    "time",
    "n_train",
    "n_test",
    "setup",
)


def digest_of(thing) -> str:
    """Digest of an estimator or the like: its parameters, arrays included.

    Objects that cannot be pickled go by their representation, without the addresses.
    """
    import joblib

    words = re.sub(r"0x[0-9a-fA-F]+", "0x", repr(thing))
    try:
        content = joblib.hash(thing)
    except Exception:  # pickle raises whatever an object's own code does
        content = ""
    return hashlib.sha256(f"{words}\0{content}".encode()).hexdigest()


def unit_key(**parts) -> str:
    """Name of a unit: a digest of all that decides its content."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _seal(unit):
    text = json.dumps(unit, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """The results below an output folder.

    Parameters
    ----------
    output : path-like
        The folder; it and what is in it are made when there is something to write.
    """

    def __init__(self, output):
        self.output = pathlib.Path(output)
        self.folder = self.output / "units"

    def check(self) -> None:
        """Refuse a folder that cannot be written before anything is computed.

        Raises
        ------
        OSError
            If it is a file, or not writable.
        """
        import os

        place = self.output
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise NotADirectoryError(
                f"The output folder cannot be {self.output}: {place} is a file. Give "
                "another output= (--output)."
            )
        if not os.access(place, os.W_OK):
            raise PermissionError(
                f"The output folder cannot be {self.output}: {place} is not writable. "
                "Give another output= (--output)."
            )
        old = [self.output / "folds.csv", *self.output.glob("results/*/*/*.hdf5")]
        if not self.folder.exists() and any(path.exists() for path in old):
            warn_user(
                f"{self.output} holds results of an earlier layout, which are not "
                "read: everything is computed anew and folds.csv written again."
            )

    def _path(self, key):
        return self.folder / f"{key}.json"

    def read(self, key: str):
        """Read a unit.

        Parameters
        ----------
        key : str
            Its key.

        Returns
        -------
        unit : dict or None
            None if it is not there, or damaged, of which a warning tells.
        """
        path = self._path(key)
        try:
            return self._unit(path)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            warn_user(f"{path} is damaged ({error}) and computed again.")
            return None

    @staticmethod
    def _unit(path):
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            unit, seal = held["unit"], held["sha256"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError("it cannot be read") from None
        if seal != _seal(unit) or unit["key"] != path.stem:
            raise ValueError("its checksum is wrong")
        return unit

    def write(self, unit: dict) -> None:
        """Write a unit, whole or not at all.

        Parameters
        ----------
        unit : dict
            Its content, of which ``key`` is the name.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"sha256": _seal(unit), "unit": unit})
        atomic_write(self._path(unit["key"]), text)

    def remove(self, key: str) -> None:
        """Forget a unit.

        Parameters
        ----------
        key : str
            Its key.
        """
        self._path(key).unlink(missing_ok=True)

    def write_folds(self) -> None:
        """Put ``folds.csv`` together from all units in the folder.

        Each process does so after its last unit, one at a time, so that the last to
        write has seen the units of all.
        """
        import pandas as pd

        if not self.folder.is_dir():
            return
        with self._alone():
            rows = []
            for path in sorted(self.folder.glob("*.json")):
                try:
                    unit = self._unit(path)
                except FileNotFoundError:
                    continue
                except (ValueError, KeyError, TypeError) as error:
                    warn_user(f"{path} is damaged ({error}) and left out.")
                    continue
                rows += unit["folds"]
            frame = pd.DataFrame(rows, columns=FOLD_COLUMNS)
            by = ["dataset", "setup", "task", "subject", "session", "pipeline", "fold"]
            frame = frame.sort_values(by, kind="stable")
            text = frame.to_csv(index=False, lineterminator="\n")
            atomic_write(self.output / "folds.csv", text)

    @contextmanager
    def _alone(self):
        import filelock

        lock = filelock.FileLock(self.folder / ".lock", timeout=60)
        try:
            lock.acquire()
        except (filelock.Timeout, NotImplementedError):
            # A file system without locks: the table may be short until the next run.
            yield
            return
        try:
            yield
        finally:
            lock.release()
