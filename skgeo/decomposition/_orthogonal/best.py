"""The best of the dictionaries after different passes, on rows held out."""

import numpy as np

from skgeo.decomposition._orthogonal.codes import energy_kept
from skgeo.decomposition._orthogonal.epochs import snapshot

__all__ = ["BestSoFar"]

# Rows held out that dictionaries are compared on, at most.
_JUDGED = 5000
# Runs of these rows over which a gain has to hold: it must be three standard errors.
_RUNS = 10


class BestSoFar:
    """The dictionary after any pass that keeps most energy of other rows in few codes.

    Parameters
    ----------
    stream : Stream
        The stream before its first row.
    judges : ndarray of shape (n_judges, n_features)
        Rows that are not learned from.
    X : ndarray of shape (n_samples, n_features)
        All rows, for their mean.
    """

    def __init__(self, stream, judges, X):
        some = np.linspace(0, len(judges) - 1, min(len(judges), _JUDGED))
        self.X = judges[some.astype(int)]
        if stream.settings.center:
            self.X = self.X - X.mean(axis=0, dtype=np.float64)
        self.W, self.learned, self.start = stream.W.copy(), None, snapshot(stream)
        self.first = self.kept = self._energy(self.start)

    def _energy(self, learned):
        return energy_kept(self.X, learned.components, learned.unmixing)

    def offer(self, stream):
        """Keep what the stream has learned, if it is better than all before."""
        learned = snapshot(stream)
        kept = self._energy(learned)
        gain = kept - self.first
        # Neighboring rows are alike (patches of one place): runs of rows are compared.
        runs = np.array_split(gain, min(_RUNS, len(gain)))
        means = np.array([run.mean(axis=0) for run in runs])
        doubt = 3.0 * means.std(axis=0, ddof=min(1, len(runs) - 1)) / np.sqrt(len(runs))
        beats_start = len(runs) > 1 and (means.mean(axis=0) > doubt).all()
        if beats_start and (self.learned is None or kept.mean() > self.kept.mean()):
            self.kept, self.learned, self.W = kept, learned, stream.W.copy()

    def take(self, stream, last):
        """Set the stream to the best dictionary; return it, and whether it began so."""
        if last.signs.sum() < 0:
            return last, False  # flat codes spread their energy: few keep little of it
        stream.W[:] = self.W
        if self.learned is None:
            return self.start, True
        return self.learned, False
