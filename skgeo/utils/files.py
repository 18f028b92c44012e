"""Files that are there whole or not at all."""

import os
import pathlib
import tempfile

__all__ = ["atomic_write"]


def atomic_write(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a file such that an interruption leaves the old one, or none.

    The content goes to a new file in the same folder, which then takes the place of
    the old one in a single step of the file system.

    Parameters
    ----------
    path : path-like
        File to write.
    content : str or bytes
        All of its content; text is written as UTF-8.

    Raises
    ------
    OSError
        If it cannot be written; the error names the file.
    """
    path = pathlib.Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8")
    try:
        _write_and_replace(path, content)
    except OSError as error:
        # write() and fsync() know no path; "no space left" without one helps nobody.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _write_and_replace(path, content):
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # A full disk may show itself only when the blocks are allocated.
            os.fsync(handle)
        # mkstemp makes private files; give this one the mode open() would have.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise
