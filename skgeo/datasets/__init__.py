"""Data sets: an embedded EEG recording, generators, simulated systems."""

from skgeo.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
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
