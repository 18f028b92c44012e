"""Pictures of results: evaluations, certificates, equations, supports, streams.

One function draws one picture into ``ax`` (new axes by default) and returns the axes.
matplotlib (extra ``plot``) is imported when a picture is drawn.
"""

from skgeo.plotting._clusters import plot_certificate
from skgeo.plotting._dictionaries import plot_atoms, plot_codes
from skgeo.plotting._equations import plot_equations, plot_forecast, plot_sparsity_path
from skgeo.plotting._evaluations import (
    best_baseline,
    plot_meta_analysis,
    plot_paired,
    plot_pairs,
    plot_ranks,
    plot_scores,
    plot_times,
    summary_table,
)
from skgeo.plotting._signals import plot_embedding_grid, plot_patterns, plot_stream
from skgeo.plotting._supports import plot_support

__all__ = [
    "best_baseline",
    "plot_atoms",
    "plot_certificate",
    "plot_codes",
    "plot_embedding_grid",
    "plot_equations",
    "plot_forecast",
    "plot_meta_analysis",
    "plot_paired",
    "plot_pairs",
    "plot_patterns",
    "plot_ranks",
    "plot_scores",
    "plot_sparsity_path",
    "plot_stream",
    "plot_support",
    "plot_times",
    "summary_table",
]
