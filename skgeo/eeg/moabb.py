"""Names that pipeline files of MOABB import."""

from skgeo.eeg._moabb.pipelines import elastic_net, param_grids, pipelines

__all__ = ["elastic_net", "param_grids", "pipelines"]
