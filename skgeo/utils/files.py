"""Files that are there whole or not at all."""

import os
import pathlib
import tempfile

__all__ = ["write_whole"]


def write_whole(path, content):
    """Write a file such that an interruption leaves the old one, or none.

    The content goes to a new file in the same folder, which then takes the place of
    the old one in a single step of the file system.

    Parameters
    ----------
    path : path-like
        File to write.
    content : str or bytes
        All of its content; text is written as UTF-8.
    """
    path = pathlib.Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes private files; give this one the mode open() would have.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise
