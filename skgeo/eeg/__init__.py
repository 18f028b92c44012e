"""Classification of EEG by augmented covariances, and its evaluation by MOABB."""

from skgeo.eeg._channel_selection import ChannelSelector
from skgeo.eeg._classification import AugmentedCovarianceClassifier
from skgeo.eeg._covariance import AugmentedCovariances
from skgeo.eeg._embedding import DelayEmbedding
from skgeo.eeg._erp import ERPAugmentedCovariances
from skgeo.eeg._filter_bank import filter_bank
from skgeo.eeg._groups import GroupMember
from skgeo.eeg._moabb.evaluation import evaluate
from skgeo.eeg._moabb.pipelines import param_grids, pipeline_folder, pipelines
from skgeo.eeg._moabb.report import write_report
from skgeo.eeg._moabb.study import EvaluationResult
from skgeo.eeg._online import (
    StreamDecoder,
    information_transfer_rate,
    label_windows,
    normalized_mcc,
)
from skgeo.eeg._patterns import Pattern
from skgeo.eeg._plot_patterns import plot_patterns
from skgeo.eeg._recentering import CovarianceRecentering
from skgeo.eeg._rejection import TrialRejector
from skgeo.eeg._search import AugmentedCovarianceClassifierCV
from skgeo.eeg._selection import Embedding, select_embedding
from skgeo.eeg._tangent import TangentMap
from skgeo.eeg._transfer import RecenteredCovarianceClassifier

__all__ = [
    "AugmentedCovarianceClassifier",
    "AugmentedCovarianceClassifierCV",
    "AugmentedCovariances",
    "ChannelSelector",
    "CovarianceRecentering",
    "DelayEmbedding",
    "ERPAugmentedCovariances",
    "Embedding",
    "EvaluationResult",
    "GroupMember",
    "Pattern",
    "RecenteredCovarianceClassifier",
    "StreamDecoder",
    "TangentMap",
    "TrialRejector",
    "evaluate",
    "filter_bank",
    "information_transfer_rate",
    "label_windows",
    "normalized_mcc",
    "param_grids",
    "pipeline_folder",
    "pipelines",
    "plot_patterns",
    "select_embedding",
    "write_report",
]
