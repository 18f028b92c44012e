"""``python -m skgeo.cli`` is the command ``skgeo``."""

from skgeo.cli import main

main()
