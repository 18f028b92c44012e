"""Pipelines for MOABB: baselines and augmented-covariance classifiers."""

import pathlib
from copy import deepcopy
from functools import lru_cache
from importlib import import_module
from typing import Any

import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skgeo.eeg._moabb.names import pick_names
from skgeo.utils.optional import import_optional

__all__ = ["elastic_net", "param_grids", "pipeline_folder", "pipelines"]

# In the order of tables and plots. The second list takes longer to run.
DEFAULT = (
    "CSP+LDA",
    "Cov+MDM",
    "Cov+FgMDM",
    "Cov+TS+LR",
    "Cov+TS+SVM",
    "Cov+TS+EN",
    "ACM(average)",
    "ACM+MDM",
    "ACM+FgMDM",
    "ACM+TS+LR",
    "ACM+TS+SVM",
)
ON_REQUEST = ("ACM(search)", "ACM+TS+SVM(grid)", "ACM+MDM(grid)")
BASELINES = DEFAULT[:6]
# For event-related potentials; plain covariances are there to show that they are blind.
P300 = ("Cov+TS+LR", "ERPCov+TS+LR", "Xdawn+TS+LR", "ACM(ERP)")
# Pipelines of others, which tables and pictures compare with.
REFERENCES = (*BASELINES, *P300[1:3])


def pipeline_folder() -> Any:
    """Return the folder of YAML files that ``moabb.benchmark(pipelines=...)`` takes.

    Returns
    -------
    folder : str
        Path of the folder inside the package.

    Examples
    --------
    >>> from skgeo.eeg import pipeline_folder
    >>> pipeline_folder().endswith("moabb_pipelines")
    True
    """
    return str(pathlib.Path(__file__).with_name("moabb_pipelines"))


def elastic_net(l1_ratio=0.7):
    """Make the logistic regression with elastic-net penalty of ``Cov+TS+EN``.

    scikit-learn 1.8 changed how the penalty is asked for; a YAML file cannot tell
    which release reads it.

    Parameters
    ----------
    l1_ratio : float, default=0.7
        Share of the L1 penalty.

    Returns
    -------
    classifier : sklearn.linear_model.LogisticRegression
        The classifier.

    Examples
    --------
    >>> from skgeo.eeg._moabb.pipelines import elastic_net
    >>> elastic_net(0.5).l1_ratio
    0.5
    """
    options = {"l1_ratio": l1_ratio, "solver": "saga", "intercept_scaling": 1000.0}
    release = tuple(map(int, sklearn.__version__.split(".")[:2]))
    if release < (1, 8):
        options["penalty"] = "elasticnet"
    return LogisticRegression(max_iter=1000, **options)


def citations(names) -> list[str]:
    """List the DOIs of the papers behind pipelines.

    Parameters
    ----------
    names : iterable of str
        Names of pipelines; those that are not skgeo's have none.

    Returns
    -------
    found : list of str
        Each once.
    """
    known = _configurations()
    found = [
        link.removeprefix("https://doi.org/")
        for name in names
        if name in known
        for link in known[name].get("citations", ())
    ]
    return list(dict.fromkeys(found))


def _read(path):
    """Read a pipeline file: plain data only, no tags that would make objects."""
    yaml = import_optional("yaml", extra="eeg")
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        words = " ".join(str(error).split())
        raise ValueError(f"{path} is no pipeline file: {words}") from error
    if not isinstance(config, dict) or not {"name", "pipeline"} <= set(config):
        raise ValueError(f"{path} is no pipeline file: it needs a name and a pipeline.")
    return config


@lru_cache(maxsize=1)
def _configurations():
    found = {}
    for path in sorted(pathlib.Path(pipeline_folder()).glob("*.yml")):
        config = _read(path)
        found[config["name"]] = config
    # Files that are in neither list (a newer family's, say) come last.
    ranks = {name: i for i, name in enumerate((*DEFAULT, *ON_REQUEST, *P300[1:]))}
    return dict(sorted(found.items(), key=lambda item: ranks.get(item[0], len(ranks))))


def _build(config, rates):
    steps = []
    for step in config["pipeline"]:
        cls = getattr(import_module(step["from"]), step["name"])
        parameters = step.get("parameters", {})
        if parameters.get("selection") == "average":
            parameters = {**parameters, **rates}
        steps.append(cls(**parameters))
    return make_pipeline(*steps)


def _chosen(which):
    known = _configurations()
    if which is None or (isinstance(which, str) and which == "default"):
        return list(DEFAULT)
    if isinstance(which, str) and which == "all":
        return list(known)
    if isinstance(which, str) and which == "baselines":
        return list(BASELINES)
    if isinstance(which, str) and which.lower() == "p300":
        return list(P300)
    names = [which] if isinstance(which, str) else list(which)
    return pick_names(names, known, "pipeline")


def pipelines(
    which: str = "default",
    *,
    sfreq: Any = None,
    band: Any = None,
    frequencies: Any = None,
) -> Any:
    """Build the pipelines a MOABB evaluation takes.

    ``CSP+LDA`` and the ``Cov+`` pipelines are the standard ones, made of pyriemann and
    scikit-learn. ``ACM(average)``, the one to take first, averages augmented
    covariances of several orders and lags; the ``ACM+`` pipelines have order 4 and lag
    4 samples. On request (``"all"`` or by name): order and lag searched by
    :class:`AugmentedCovarianceClassifierCV` (``ACM(search)``) or by MOABB (``(grid)``:
    hand :func:`param_grids` to ``process``, or they run at order 1).

    ``"p300"`` are those for event-related potentials, which plain covariances hardly
    see: pyriemann's and ``ACM(ERP)``.

    Parameters
    ----------
    which : {"default", "baselines", "p300", "all"}, str or sequence of str, \
            default="default"
        A set of pipelines, or names; upper and lower case are alike.
    sfreq : float or None, default=None
        Sampling frequency in Hz of the trials, for ``ACM(average)``: with it the lags
        are seconds. MOABB tells its pipelines no rate.
    band : (float, float) or None, default=None
        Pass band in Hz of the paradigm, for ``ACM(average)``: with it narrower bands
        join the average.
    frequencies : sequence of float or None, default=None
        Known flicker frequencies in Hz, for ``ACM(average)``.

    Returns
    -------
    pipelines : dict of str to :class:`sklearn.pipeline.Pipeline`
        Name -> pipeline, new objects at each call.

    Raises
    ------
    ValueError
        If a name is unknown; the message lists the nearest known ones.

    See Also
    --------
    param_grids : Their grids.
    pipeline_folder : The same pipelines as files.
    evaluate : Run them.

    Examples
    --------
    >>> from skgeo.eeg import pipelines
    >>> list(pipelines(["Cov+MDM", "acm+mdm"]))
    ['Cov+MDM', 'ACM+MDM']
    """
    known = _configurations()
    rates = {"sfreq": sfreq, "band": band, "frequencies": frequencies}
    rates = {key: value for key, value in rates.items() if value is not None}
    return {name: _build(deepcopy(known[name]), rates) for name in _chosen(which)}


def param_grids(which: str = "all") -> Any:
    """Return the grids of the pipelines that MOABB searches.

    Parameters
    ----------
    which : {"default", "baselines", "p300", "all"}, str or sequence of str, \
            default="all"
        As in :func:`pipelines`.

    Returns
    -------
    grids : dict of str to dict
        Name -> grid, for the pipelines that have one: the ``param_grid`` of
        ``process``.

    Examples
    --------
    >>> from skgeo.eeg import param_grids
    >>> sorted(param_grids())
    ['ACM+MDM(grid)', 'ACM+TS+SVM(grid)']
    """
    known = _configurations()
    return {
        name: deepcopy(known[name]["param_grid"])
        for name in _chosen(which)
        if "param_grid" in known[name]
    }
