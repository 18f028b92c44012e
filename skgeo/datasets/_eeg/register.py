"""Make data sets known to ``moabb.benchmark``."""

from typing import Any

from skgeo.utils.optional import import_optional

__all__ = ["register_in_moabb"]


def register_in_moabb(dataset: Any = None) -> Any:
    """Add a data set to those that ``moabb.benchmark`` finds.

    ``moabb.benchmark`` takes data sets from MOABB's own list only; evaluations such as
    ``WithinSessionEvaluation``, and :func:`skgeo.eeg.evaluate`, need no registration.

    Parameters
    ----------
    dataset : moabb.datasets.base.BaseDataset, optional
        The data set; by default the embedded recording. One with the same ``code``
        takes its place in the list.

    Returns
    -------
    code : str
        Its code, for ``include_datasets``.

    Examples
    --------
    >>> from skgeo.datasets import register_in_moabb
    >>> register_in_moabb()
    'EmbeddedMotorImagery'
    """
    listed = import_optional("moabb.datasets.utils", extra="eeg").dataset_list
    if dataset is None:
        from skgeo.datasets import EmbeddedMotorImagery

        dataset = EmbeddedMotorImagery()

    # MOABB calls what it lists, without arguments, and reads its name.
    def make():
        return dataset

    make.__name__ = make.code = dataset.code
    listed[:] = [cls for cls in listed if getattr(cls, "code", None) != dataset.code]
    listed.append(make)
    return dataset.code
