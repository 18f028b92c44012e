"""Data sets: an embedded EEG recording, generators, simulated systems."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "_irs_mimo": ("make_irs_mimo",),
        "embedded_eeg": ("load_embedded_eeg",),
        "files": ("from_files",),
        "motor_imagery": ("EmbeddedMotorImagery",),
        "recordings": ("Recordings", "from_arrays"),
        "recordings_mne": ("from_epochs", "from_raws"),
        "register": ("register_in_moabb",),
        "_supervised_dictionary": ("load_docstrings", "make_conflicting_digits"),
        "_gaussian_clusters": ("make_gaussian_clusters",),
        "_systems": ("Flow", "System", "make_observation_pairs"),
        "_systems_lorenz": ("Lorenz63", "Lorenz96", "TwoScaleLorenz96"),
        "_systems_pde": (
            "Burgers",
            "KuramotoSivashinsky",
            "TwoStepFlow",
            "kuramoto_sivashinsky_cases",
        ),
        "_systems_plane": ("BetaPlane",),
    },
)
