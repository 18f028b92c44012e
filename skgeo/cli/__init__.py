"""The command ``skgeo``."""

import importlib.util
import sys

__all__ = ["main"]

NEEDED = ("typer", "rich", "jinja2", "matplotlib", "mne", "moabb")


def main():
    """Run the command, or say how to install what it needs.

    Examples
    --------
    >>> from skgeo.cli import main
    >>> callable(main)
    True
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(
            f"The command skgeo needs {', '.join(missing)}, which "
            f"{'is' if len(missing) == 1 else 'are'} not installed: "
            'pip install "skgeo[eeg]"'
        )
    from skgeo.cli.app import app

    app()
