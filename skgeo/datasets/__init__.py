"""Data sets: an embedded EEG recording, generators, simulated systems.

What needs MNE and MOABB is imported on first use; everything else is plain.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from skgeo.datasets._eeg.embedded_eeg import load_embedded_eeg
from skgeo.datasets._eeg.register import register_in_moabb
from skgeo.datasets._gaussian_clusters import make_gaussian_clusters
from skgeo.datasets._irs_mimo import make_irs_mimo
from skgeo.datasets._supervised_dictionary import (
    load_docstrings,
    make_conflicting_digits,
)
from skgeo.datasets._systems.base import Flow, System, make_observation_pairs
from skgeo.datasets._systems.beta_plane import BetaPlane
from skgeo.datasets._systems.lorenz import Lorenz63, Lorenz96, TwoScaleLorenz96
from skgeo.datasets._systems.pde import (
    Burgers,
    KuramotoSivashinsky,
    TwoStepFlow,
    kuramoto_sivashinsky_cases,
)
from skgeo.datasets._systems.quasi_geostrophic import TwoLayerQG

if TYPE_CHECKING:
    from skgeo.datasets._eeg.files import from_files
    from skgeo.datasets._eeg.motor_imagery import EmbeddedMotorImagery
    from skgeo.datasets._eeg.recordings import Recordings, from_arrays
    from skgeo.datasets._eeg.recordings_mne import from_epochs, from_raws

# Public name -> module of `_eeg` that imports MNE and MOABB.
_NEEDS_MOABB = {
    "EmbeddedMotorImagery": "motor_imagery",
    "Recordings": "recordings",
    "from_arrays": "recordings",
    "from_epochs": "recordings_mne",
    "from_files": "files",
    "from_raws": "recordings_mne",
}

__all__ = [
    "BetaPlane",
    "Burgers",
    "EmbeddedMotorImagery",
    "Flow",
    "KuramotoSivashinsky",
    "Lorenz63",
    "Lorenz96",
    "Recordings",
    "System",
    "TwoLayerQG",
    "TwoScaleLorenz96",
    "TwoStepFlow",
    "from_arrays",
    "from_epochs",
    "from_files",
    "from_raws",
    "kuramoto_sivashinsky_cases",
    "load_docstrings",
    "load_embedded_eeg",
    "make_conflicting_digits",
    "make_gaussian_clusters",
    "make_irs_mimo",
    "make_observation_pairs",
    "register_in_moabb",
]


# Hidden from type checkers, which would take any name for an attribute.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name in _NEEDS_MOABB:
            module = import_module(f"skgeo.datasets._eeg.{_NEEDS_MOABB[name]}")
            return getattr(module, name)
        raise AttributeError(f"module 'skgeo.datasets' has no attribute {name!r}")


def __dir__():
    return __all__
