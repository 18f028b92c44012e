"""Shared foundations: parameter rules, input validation, threads, callbacks."""
