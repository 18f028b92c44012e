"""Recordings: the embedded one, and those of the user, as MOABB data sets."""
