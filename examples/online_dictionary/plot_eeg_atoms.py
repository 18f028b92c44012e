"""
Atoms of an EEG recording
=========================

Scalp potentials are a linear mixture of sources, most of them quiet most of the time:
a complete dictionary with sparse codes, which is not orthogonal. With ``whiten=True``
the data are whitened by their running covariance, an orthogonal dictionary of the
whitened data is learnt, and its atoms are taken back to the scalp.
"""

# %%
# The recording
# -------------
# Six runs of motor imagery, 64 electrodes, shipped with the package. A sample in time
# is a row. Between 1 and 40 Hz neighbouring samples are much alike: we take one in two.

import numpy as np

from skgeo.datasets import embedded_eeg

recording = embedded_eeg.read_recording()
print({k: np.shape(v) for k, v in recording.items()})
