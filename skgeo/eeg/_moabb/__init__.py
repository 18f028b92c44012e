"""Evaluation through MOABB, pipelines and the report."""
