"""MOABB evaluations that tell of every fold and keep what is finished.

MOABB 1.7 runs all folds of a data set and writes results when the last is done, so an
interrupted run is lost. The evaluations here run the same folds through the same
functions, report each, and write the results of a subject and pipeline as soon as its
folds are complete; the next run finds them there.
"""

from collections import defaultdict
from dataclasses import dataclass

from joblib import Parallel, delayed

from skgeo.utils.optional import import_optional

__all__ = ["FoldReport", "streaming_evaluation"]


@dataclass(frozen=True)
class FoldReport:
    """What is told of a fold when it starts (``score`` is None) and when it is done.

    Attributes
    ----------
    task : str
        The classes to tell apart.
    pipeline : str
        Name of the pipeline.
    dataset, subject, session : str
        What is tested on.
    fold, n_folds : int
        Number of the fold, from 1, and how many this pipeline and subject have.
    done, total : int
        Folds finished and folds to do in this data set, over all pipelines.
    score : float or None
        Score of the fold; the mean over sessions if it tests several.
    time : float or None
        Seconds of the fit.
    """

    task: str
    pipeline: str
    dataset: str
    subject: str
    session: str
    fold: int
    n_folds: int
    done: int
    total: int
    score: float | None = None
    time: float | None = None


class _Code:
    """Stands in for a data set in worker processes: they need its code only."""

    def __init__(self, code):
        self.code = code


def _run_fold(X, y, metadata, index, task):
    # At the top level, so that joblib can send it to other processes.
    from moabb.evaluations.base import _evaluate_fold

    return index, _evaluate_fold(X, y, metadata, **task)


class _StreamingMixin:
    """Overrides how MOABB's evaluations run the folds of a data set."""

    task = ""  # words for what is told apart
    report = None  # callable taking a FoldReport
    keep_folds = None  # callable taking the digest of a pipeline and rows of its folds

    def _evaluate_parallel_dataset(
        self,
        dataset,
        pipelines,
        param_grid,
        process_pipeline,
        postprocess_pipeline=None,
        work_plan=None,
    ):
        # Within one subject at a time, so that memory holds one subject's trials.
        if self._needs_all_subjects:
            plans = [work_plan]
        else:
            plans = [{subject: todo} for subject, todo in work_plan.items()]
        splitter = self.cv = self._create_splitter()
        for plan in plans:
            X, y, metadata = self._load_data(
                dataset,
                {name: p for todo in plan.values() for name, p in todo.items()},
                process_pipeline,
                postprocess_pipeline,
                subjects=dataset.subject_list
                if self._needs_all_subjects
                else list(plan),
            )
            tasks = self._build_task_list(
                dataset, X, y, metadata, splitter, plan, pipelines, param_grid
            )
            self._stream(dataset, X, y, metadata, tasks, pipelines, process_pipeline)
        return []  # all is written; process() reads it back

    def _stream(self, dataset, X, y, metadata, tasks, pipelines, process_pipeline):
        groups = defaultdict(list)  # (subject, pipeline) -> its folds
        for index, task in enumerate(tasks):
            groups[task["subject"], task["pipeline_name"]].append(index)
        order = [index for group in groups.values() for index in group]
        results, done = {}, 0

        def tell(index, **outcome):
            task = tasks[index]
            group = groups[task["subject"], task["pipeline_name"]]
            if self.report is not None:
                self.report(
                    FoldReport(
                        task=self.task,
                        pipeline=task["pipeline_name"],
                        dataset=dataset.code,
                        subject=str(task["subject"]),
                        session=str(task["session"]),
                        fold=group.index(index) + 1,
                        n_folds=len(group),
                        done=done,
                        total=len(tasks),
                        **outcome,
                    )
                )

        for index, rows in self._outcomes(dataset, X, y, metadata, tasks, order, tell):
            done += 1
            results[index] = [{**row, "dataset": dataset} for row in rows]
            tell(
                index,
                score=sum(row["score"] for row in rows) / len(rows),
                time=rows[0]["time"],
            )
            task = tasks[index]
            group = groups[task["subject"], task["pipeline_name"]]
            if all(i in results for i in group):
                finished = [row for i in group for row in results.pop(i)]
                if self.keep_folds is not None:
                    self._keep(group, finished, pipelines, process_pipeline)
                if self._aggregate_folds:
                    finished = self._aggregate_fold_results(finished)
                for row in finished:
                    row.pop("n_samples_total", None)
                    row.pop("is_error", None)
                self._push_results_batch(finished, pipelines, process_pipeline)
                results.update(dict.fromkeys(group))

    def _keep(self, group, rows, pipelines, process_pipeline):
        from moabb.analysis.results import get_pipeline_digest

        per_fold = len(rows) // len(group)  # a fold may test several sessions
        self.keep_folds(
            get_pipeline_digest(process_pipeline, pipelines[rows[0]["pipeline"]]),
            [
                {
                    "dataset": row["dataset"].code,
                    "pipeline": row["pipeline"],
                    "subject": row["subject"],
                    "session": row["session"],
                    "fold": position // per_fold + 1,
                    "score": row["score"],
                    "time": row["time"],
                    "n_train": row["n_samples"],
                    "n_test": row["n_samples_test"],
                }
                for position, row in enumerate(rows)
            ],
        )

    def _outcomes(self, dataset, X, y, metadata, tasks, order, tell):
        light = [{**task, "dataset": _Code(dataset.code)} for task in tasks]
        if self.n_jobs == 1:
            for index in order:
                tell(index)
                yield _run_fold(X, y, metadata, index, light[index])
            return
        yield from Parallel(n_jobs=self.n_jobs, return_as="generator_unordered")(
            delayed(_run_fold)(X, y, metadata, index, light[index]) for index in order
        )


def streaming_evaluation(name, report=None, **options):
    """Make a MOABB evaluation that reports folds and keeps what is finished.

    Parameters
    ----------
    name : {"WithinSessionEvaluation", "CrossSessionEvaluation", \
            "CrossSubjectEvaluation"}
        The evaluation of MOABB to follow.
    report : callable, optional
        Called with a :class:`FoldReport` when a fold is done and, with one job, also
        when it starts.
    **options : dict
        What MOABB's evaluation takes.

    Returns
    -------
    evaluation : moabb.evaluations.BaseEvaluation
        The evaluation; its ``process`` is used as ever.
    """
    base = getattr(import_optional("moabb.evaluations", extra="eeg"), name)
    # MOABB files results by the name of the class, so it keeps that of its base.
    evaluation = type(name, (_StreamingMixin, base), {})(**options)
    evaluation.report = report
    return evaluation
