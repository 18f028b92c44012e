"""The release, apart from ``skgeo`` so that any module may ask for it."""

__version__ = "0.1.0.dev0"
