"""What to cite: MOABB, data sets, methods, skgeo."""

from skgeo._version import __version__

__all__ = ["cite"]

# The papers that pipeline files name, and what they are of.
PAPERS = {
    "10.1007/BF01129656": (
        "common spatial patterns",
        "Koles, Lazar and Zhou (1990). Spatial patterns underlying population "
        "differences in the background EEG. Brain Topography 2:275-284.",
    ),
    "10.1109/MSP.2008.4408441": (
        "common spatial patterns",
        "Blankertz, Tomioka, Lemm, Kawanabe and Müller (2008). Optimizing spatial "
        "filters for robust EEG single-trial analysis. IEEE Signal Processing Magazine "
        "25(1):41-56.",
    ),
    "10.1109/TBME.2011.2172210": (
        "Riemannian geometry of covariances",
        "Barachant, Bonnet, Congedo and Jutten (2012). Multiclass brain-computer "
        "interface classification by Riemannian geometry. IEEE Transactions on "
        "Biomedical Engineering 59(4):920-928.",
    ),
    "10.1007/978-3-642-15995-4_78": (
        "geodesic filtering",
        "Barachant, Bonnet, Congedo and Jutten (2010). Riemannian geometry applied to "
        "BCI classification. LVA/ICA 2010, 629-636.",
    ),
    "10.1016/j.neucom.2012.12.039": (
        "tangent-space SVM",
        "Barachant, Bonnet, Congedo and Jutten (2013). Classification of covariance "
        "matrices using a Riemannian-based kernel for BCI applications. Neurocomputing "
        "112:172-178.",
    ),
    "10.1088/1741-2552/aca4fc": (
        "tangent space with elastic net",
        "Corsi, Chevallier, De Vico Fallani and Yger (2022). Functional connectivity "
        "ensemble method to enhance BCI performance (FUCONE). Journal of Neural "
        "Engineering 19:066016.",
    ),
    "10.48550/arXiv.1409.0107": (
        "covariances of event-related potentials",
        "Barachant and Congedo (2014). A plug&play P300 BCI using information "
        "geometry. arXiv:1409.0107.",
    ),
    "10.48550/arXiv.2302.04508": (
        "augmented covariances",
        "Carrara and Papadopoulo (2023). Classification of BCI-EEG based on the "
        "augmented covariance matrix. arXiv:2302.04508.",
    ),
}
MOABB = (
    "Jayaram and Barachant (2018). MOABB: trustworthy algorithm benchmarking for BCIs. "
    "Journal of Neural Engineering 15:066011.",
    "Aristimunha et al. Mother of all BCI Benchmarks. Zenodo, "
    "doi:10.5281/zenodo.10034223.",
)
EMBEDDED = (
    "Schalk, McFarland, Hinterberger, Birbaumer and Wolpaw (2004). BCI2000: a "
    "general-purpose brain-computer interface (BCI) system. IEEE Transactions on "
    "Biomedical Engineering 51(6):1034-1043. Goldberger et al. (2000). PhysioBank, "
    "PhysioToolkit, and PhysioNet. Circulation 101(23):e215-e220."
)


def cite(study) -> list[tuple[str, str]]:
    """List what to cite for a study.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    entries : list of (str, str)
        What, and the reference.
    """
    from skgeo.eeg._moabb.pipelines import citations

    entries = [("MOABB", words) for words in MOABB]
    for record in {task.dataset: task for task in study.tasks}.values():
        own = record.dataset.startswith("Recordings-")
        if own:
            continue
        words = EMBEDDED if record.dataset.startswith("EmbeddedMotorImagery") else ""
        if record.doi and record.doi not in words:
            words += f"{' ' if words else ''}doi:{record.doi}."
        if record.license:
            words += f" License: {record.license}."
        entries.append((f"the data set {record.dataset}", words.strip() or "unknown"))
    for name in citations(study.pipelines):
        method, words = PAPERS.get(name, ("a method", ""))
        doi = "" if "arXiv" in words else f" doi:{name}"
        entries.append((method, (words + doi).strip()))
    entries.append(
        (
            "skgeo",
            f"The skgeo developers. skgeo {__version__}: "
            "scikit-learn-compatible estimators for structured signals and dynamics.",
        )
    )
    return entries
