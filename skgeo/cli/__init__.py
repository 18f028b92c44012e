"""The command ``skgeo``."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command, or say how to install what it needs.

    Examples
    --------
    >>> from skgeo.cli import main
    >>> callable(main)
    True
    """
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import mne  # noqa: F401
        import moabb  # noqa: F401

        from skgeo.cli.app import app
    except ModuleNotFoundError as error:
        sys.exit(
            f"The command skgeo needs {error.name}, which is not installed: "
            'pip install "skgeo[eeg]"'
        )
    app()
