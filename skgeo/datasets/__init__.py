"""Data sets: an embedded EEG recording, generators, simulated systems."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "embedded_eeg": ("load_embedded_eeg",),
        "motor_imagery": ("EmbeddedMotorImagery",),
        "recordings": ("Recordings", "from_arrays"),
        "recordings_mne": ("from_epochs", "from_raws"),
        "_supervised_dictionary": ("load_docstrings", "make_conflicting_digits"),
    },
)
