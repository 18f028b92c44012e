"""How the documentation shows each benchmark: sections, condensed tables, pictures.

A benchmark that is not named here is shown with all its rows and without a picture, so
nothing here has to change for a new one.
"""

import dataclasses

# Pages in the order of the index, and the benchmarks that a family's page hands to
# another page: by the beginning of their names.
FAMILIES = {
    "eeg": "Augmented covariances: speed",
    "eeg_accuracy": "Augmented covariances: accuracy",
    "eeg_use": "Augmented covariances: MOABB, evoked responses, new sessions",
    "cluster": "Clustering with proofs",
    "supervised_dictionary": "Supervised dictionaries",
    "online_dictionary": "Online orthogonal dictionaries",
    "linear_model": "Sparse Bayesian learning",
    "kronecker": "Kronecker-structured sparse Bayesian learning",
    "dynamics": "Model errors",
    "filters": "Filters and memory",
}
PAGE_OF = {
    "eeg_accuracy": "eeg_accuracy",
    "eeg_average": "eeg",
    "eeg_bands_imagery": "eeg_use",
    "eeg_bands": "eeg_accuracy",
    "eeg_moabb": "eeg_use",
    "eeg_p300": "eeg_use",
    "eeg_people": "eeg_use",
    "eeg_rejection": "eeg_use",
    "eeg_ssvep": "eeg_use",
    "eeg_transfer": "eeg_use",
    "dynamics_assimilation": "filters",
    "dynamics_filter": "filters",
    "dynamics_memory": "filters",
    "dynamics_window_states": "filters",
    "supervised_dictionary": "supervised_dictionary",
    "online_dictionary": "online_dictionary",
    "kron": "kronecker",
    "irs_mimo": "kronecker",
}


@dataclasses.dataclass(frozen=True)
class Pivot:
    """One value, with some columns down and others across."""

    title: str
    index: tuple
    columns: tuple
    value: str
    only: dict = dataclasses.field(default_factory=dict)
    percent: bool = False


@dataclasses.dataclass(frozen=True)
class Lines:
    """A line plot of ``y`` over ``x``, one line for each value of ``by``."""

    x: str
    y: str
    by: tuple
    xlabel: str
    ylabel: str
    only: dict = dataclasses.field(default_factory=dict)
    log: str = "xy"


@dataclasses.dataclass(frozen=True)
class Bars:
    """Horizontal bars of ``y`` for each ``label``, one panel for each ``panel``."""

    label: tuple
    y: str
    xlabel: str
    panel: tuple = ()
    only: dict = dataclasses.field(default_factory=dict)
    log: bool = False
    error: str = ""
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class View:
    """What a section shows."""

    title: str
    pivots: tuple = ()
    picture: Lines | Bars | None = None
    claim: str = ""
    caveat: str = ""


IRS_METHODS = (
    "published SVD-KroSBL",
    "published AM-KroSBL",
    "published PC-KroSBL .8",
    "published classical SBL",
    "best",
    "best, product values",
    "best, noise learned",
    "mm, coupled .5",
)
# Ratios of one way of skgeo to another, no business of the overview of peers.
AMONG_OURSELVES = (
    "eeg_average_cost",
    "eeg_average_landmarks",
    "eeg_average_memory",
    "eeg_search_threads",
    "eeg_block_toeplitz",
    "eeg_stream",
)
FASTER = "times faster than the peer (CPU time)"
VIEWS = {
    "eeg_covariances": View(
        "Covariances, tangent map and their peers",
        picture=Bars(("peer", "order"), "ratio", FASTER, log=True),
    ),
    "eeg_mean": View(
        "Riemannian mean",
        picture=Lines("dimension", "ratio", ("trials",), "dimension", FASTER),
    ),
    "eeg_search": View(
        "Search of order, lag and C",
        picture=Bars(("precision",), "ratio", FASTER, panel=("case",), log=True),
    ),
    "eeg_search_threads": View("Search on two threads against one"),
    "eeg_block_toeplitz": View("Block-Toeplitz geometry"),
    "eeg_moabb": View(
        "Through MOABB, on the embedded recording",
        pivots=(
            Pivot("ROC AUC", ("pipeline",), ("task", "channels"), "auc"),
            Pivot(
                "Fit, wall time (s)", ("pipeline",), ("task", "channels"), "fit_wall"
            ),
        ),
    ),
    "eeg_accuracy_imagery": View(
        "Motor imagery: every way to use augmented covariances",
        pivots=(
            Pivot("ROC AUC (%)", ("method",), ("data",), "score"),
            Pivot(
                "Standard error of the gain over order 1 (points)",
                ("method",),
                ("data",),
                "standard_error",
            ),
            Pivot("CPU time (s)", ("method",), ("data",), "cpu"),
        ),
        picture=Bars(
            ("method",),
            "gain",
            "gain over order 1, linear, C = 1 (points of AUC, ± standard error)",
            panel=("data",),
            error="standard_error",
        ),
    ),
    "eeg_accuracy_ssvep": View(
        "Steady-state potentials: every way to use augmented covariances",
        pivots=(Pivot("Accuracy (%)", ("method",), ("data",), "score"),),
    ),
    "eeg_accuracy_uea": View(
        "EEG and MEG of the UEA archive: every way to use augmented covariances",
        pivots=(
            Pivot("Score (%)", ("method",), ("data",), "score"),
            Pivot("CPU time (s)", ("method",), ("data",), "cpu"),
        ),
    ),
    **{
        f"eeg_bands_{part}": View(
            f"Seconds, bands and frequencies: {title}",
            pivots=(
                Pivot("Score (%)", ("method",), ("data",), "score"),
                Pivot(
                    "Gain over Cov+TS+LR (points)", ("method",), ("data",), "gain_cov"
                ),
                Pivot("Its standard error", ("method",), ("data",), "error_cov"),
            ),
        )
        for part, title in (
            ("kalunga", "steady-state responses and rest, seven people"),
            ("mamem", "steady-state responses in one-second cuts"),
            ("imagery", "left or right hand, one person"),
            ("three", "three electrodes"),
            ("uea", "three sets of the UEA archive"),
        )
    },
    **{
        f"eeg_bands_{part}": View(
            title,
            pivots=(
                Pivot("ROC AUC (%)", ("data",), ("method",), "score"),
                Pivot(
                    "Gain over order 1 (points)", ("data",), ("method",), "gain_order1"
                ),
                Pivot("Its standard error", ("data",), ("method",), "error_order1"),
            ),
        )
        for part, title in (
            ("few", "Two classes, 3 to 8 electrodes: which machine takes the average"),
            ("few_fresh", "The same on what the rule was not chosen on"),
        )
    },
    "eeg_p300": View(
        "Event-related potentials: a visual oddball, two people",
        pivots=(
            Pivot("ROC AUC (%)", ("method",), ("person",), "score"),
            Pivot("CPU time (s)", ("method",), ("person",), "cpu"),
        ),
    ),
    "eeg_average_cost": View("The average: time of a fit beside the plain pipeline"),
    "eeg_average_landmarks": View("The average above 3,000 trials: accuracy"),
    "eeg_average_memory": View("The average on many trials: memory"),
    "eeg_rejection": View(
        "Bad training trials: left, rejected, weighed by their own losses",
        pivots=(
            Pivot("Score (%)", ("way",), ("data", "spoiled"), "score"),
            Pivot(
                "Gain over leaving them (points)", ("way",), ("data", "spoiled"), "gain"
            ),
        ),
    ),
    "eeg_stream": View("An hour of stream with drop-outs"),
    "eeg_transfer": View(
        "Recentering: other sessions, other people",
        pivots=(Pivot("Gain of recentering (points)", ("case",), ("method",), "gain"),),
    ),
    **{
        f"eeg_people_{part}": View(
            f"Across people: {title}",
            pivots=(
                Pivot("Accuracy (%)", ("method",), ("folds",), "score"),
                Pivot(
                    "Gain over known frequencies stacked, Cov+TS+LR (points)",
                    ("method",),
                    ("folds",),
                    "gain_peer",
                ),
                Pivot("Its standard error", ("method",), ("folds",), "error_peer"),
            ),
        )
        for part, title in (
            ("kalunga", "steady-state responses and rest, within and across runs"),
            ("kalunga_others", "steady-state responses and rest, seven people"),
            ("mamem", "steady-state responses in one-second cuts, six people"),
        )
    },
    "eeg_ssvep": View(
        "Steady-state potentials through MOABB's folds",
        pivots=(Pivot("Accuracy", ("pipeline",), ("subject",), "accuracy"),),
    ),
    "cluster_certificate": View(
        "Certificates and bounds on large data",
        pivots=(
            Pivot(
                "Certificate, CPU time (s)",
                ("n", "n_clusters", "d", "separation"),
                ("verdict",),
                "cpu",
                {"row": "certificate"},
            ),
            Pivot(
                "Bound without certificate, as a part of the inertia",
                ("d", "separation"),
                ("row",),
                "share",
                {"row": "bound"},
            ),
        ),
    ),
    "cluster_kmedoids": View(
        "K-medoids: gaps, enumeration, memory",
        pivots=(
            Pivot(
                "Gap of the relaxation (%)",
                ("data",),
                ("n", "K"),
                "root_gap_percent",
                {"table": "gaps"},
            ),
            Pivot(
                "Gap after branching (%)",
                ("data",),
                ("n", "K"),
                "gap_percent",
                {"table": "gaps"},
            ),
        ),
    ),
    "eeg_running_mean": View(
        "Running means of covariances",
        pivots=(
            Pivot(
                "Standard errors from the mean of all",
                ("data", "mean"),
                ("batch",),
                "standard_errors",
            ),
        ),
    ),
    "linear_model_robust_trace": View(
        "Robust regression on matrices",
        pivots=(
            Pivot(
                "Largest relative error",
                ("method",),
                ("case",),
                "error_max",
                {"table": "peers"},
            ),
        ),
    ),
    "cluster_misclustering": View(
        "Mis-clustering",
        pivots=(
            Pivot(
                "Points in a wrong cluster (%)",
                ("method",),
                ("setting",),
                "error",
                percent=True,
            ),
            Pivot(
                "Adjusted Rand index on real sets",
                ("method",),
                ("setting",),
                "rand_index",
                only={"row": "real"},
            ),
            Pivot(
                "Adjusted Rand index, values on a grid",
                ("method",),
                ("setting",),
                "rand_index",
                only={"row": "grid"},
            ),
            Pivot("CPU time (s)", ("method",), ("setting",), "cpu"),
        ),
        picture=Bars(
            ("method",),
            "error",
            "points in a wrong cluster (%)",
            panel=("setting",),
            scale=100.0,
        ),
    ),
    "cluster_exact": View(
        "K-means to proven optimality, beside published figures",
        pivots=(
            Pivot(
                "Root gap (%)",
                ("set",),
                ("solver",),
                "root_gap",
                {"row": "beside published figures"},
                percent=True,
            ),
            Pivot(
                "Nodes",
                ("set",),
                ("solver",),
                "nodes",
                {"row": "beside published figures"},
            ),
            Pivot(
                "Seconds (skgeo: CPU of one thread; others: as published)",
                ("set",),
                ("solver",),
                "seconds",
                {"row": "beside published figures"},
            ),
            Pivot(
                "Gap left (%)",
                ("set",),
                ("solver",),
                "gap_left",
                {"row": "beside published figures"},
                percent=True,
            ),
            *(
                Pivot(
                    f"Bound for many points: {what}",
                    ("set", "n"),
                    ("K",),
                    value,
                    {"row": "large"},
                    percent="%" in what,
                )
                for what, value in (
                    ("gap of blocks (%)", "anticluster_gap"),
                    ("CPU seconds of blocks", "anticluster_cpu"),
                    ("gap of the closed form (%)", "closed_gap"),
                    (
                        "gap of blocks in the time of the closed form (%)",
                        "equal_time_gap",
                    ),
                    ("gap of the default (%)", "fast_gap"),
                )
            ),
        ),
    ),
    "cluster_exact_flat": View(
        "K-means to proven optimality on other data of one to four features",
        pivots=tuple(
            Pivot(what, ("part",), ("d",), value, {"row": "summary"})
            for what, value in (
                ("Problems", "problems"),
                ("Proven at the root", "at_the_root"),
                ("Proven by branching", "by_branching"),
                ("Not proven in time", "open"),
                ("Median CPU time (s)", "median_cpu"),
                ("Largest CPU time (s)", "largest_cpu"),
            )
        ),
    ),
    "cluster_sdp": View(
        "Semidefinite programs beside cvxpy",
        picture=Bars(
            ("problem", "n"), "ratio", "times faster than SCS (CPU time)", log=True
        ),
    ),
    "supervised_dictionary_accuracy": View(
        "Accuracy at small rank",
        pivots=(
            Pivot("Test accuracy", ("method",), ("problem", "r"), "accuracy"),
            Pivot("F1", ("method",), ("problem", "r"), "F1"),
            Pivot("CPU time (s)", ("method",), ("problem", "r"), "cpu_s"),
        ),
        picture=Bars(
            ("method",),
            "accuracy",
            "test accuracy (± standard deviation over seeds)",
            panel=("problem", "r"),
            error="accuracy_sd",
        ),
    ),
    "supervised_dictionary_cost": View("Cost of an iteration, growth, memory"),
    "supervised_dictionary_published": View(
        "Supervised dictionaries beside the authors' code",
        picture=Bars(("what", "problem", "seed"), "ratio", FASTER, log=True),
    ),
    "online_dictionary_recovery": View(
        "Recovery",
        picture=Lines(
            "theta",
            "one_pass_1000n",
            ("n",),
            "density of the codes, theta",
            "error after one pass of 1000 n rows",
            log="y",
        ),
    ),
    "online_dictionary_peers": View(
        "Orthogonal dictionaries beside other learners",
        pivots=(
            Pivot(
                "Error of the atoms, median over settings", ("method",), ("n",), "err4"
            ),
            Pivot("CPU time (s)", ("method",), ("n",), "cpu"),
        ),
    ),
    "online_dictionary_robustness": View("Robustness"),
    "online_dictionary_choice": View(
        "The setting that the score chooses",
        pivots=(
            Pivot(
                "Error of the chosen setting, over the lowest of four, less one",
                ("codes", "mean"),
                ("n",),
                "above the lowest",
                {"table": "choice"},
            ),
        ),
    ),
    "online_dictionary_doubt": View(
        "Failures that are announced",
        pivots=(
            Pivot(
                "Failed",
                ("codes",),
                ("how", "exponent"),
                "failed",
                {"table": "doubt"},
            ),
            Pivot(
                "Failed and announced",
                ("codes",),
                ("how", "exponent"),
                "announced",
                {"table": "doubt"},
            ),
            Pivot(
                "Recovered and called into doubt",
                ("codes",),
                ("how", "exponent"),
                "false alarms",
                {"table": "doubt"},
            ),
            Pivot(
                "Of these, recovered already when called into doubt",
                ("codes",),
                ("how", "exponent"),
                "wrong when said",
                {"table": "doubt"},
            ),
        ),
    ),
    "online_dictionary_unions": View(
        "Not in the package: unions of two orthonormal bases",
        pivots=(
            Pivot("Energy of held-out rows lost", ("learner",), ("rows",), "lost"),
            Pivot("CPU time (s)", ("learner",), ("rows",), "cpu"),
        ),
    ),
    "online_dictionary_grid_holes": View(
        "Not in the package: low rank and kriging for holes in gridded fields",
        pivots=(
            Pivot(
                "Root mean square error in the holes", ("method",), ("fields",), "error"
            ),
            Pivot(
                "Fraction below the best other",
                ("method",),
                ("fields",),
                "below the best other",
            ),
        ),
    ),
    "supervised_dictionary_xrays": View(
        "Chest X-rays",
        pivots=(
            Pivot("Accuracy", ("method",), ("judged on",), "accuracy"),
            Pivot("AUC", ("method",), ("judged on",), "AUC"),
        ),
    ),
    "online_dictionary_codes": View(
        "Codes of nine distributions, and pictures coded by few codes",
        pivots=(
            Pivot(
                "Median error of the atoms (root mean square)",
                ("codes",),
                ("learner",),
                "median",
                only={"table": "recovery"},
            ),
            Pivot(
                "Energy of held-out rows lost with 6 of 64 codes",
                ("rows", "mean removed"),
                ("basis",),
                "lost",
                only={"table": "coding", "codes kept of 64": 6},
            ),
        ),
    ),
    "online_dictionary_throughput": View(
        "Throughput",
        picture=Lines(
            "batch_size",
            "rows_per_s",
            ("n", "dtype"),
            "rows in a batch",
            "rows per second of CPU",
        ),
    ),
    "irs_mimo": View(
        "Channels over a reflecting surface",
        pivots=(
            Pivot("Mean NMSE", ("method",), ("snr",), "nmse_mean"),
            Pivot("CPU time (s)", ("method",), ("snr",), "seconds"),
        ),
        picture=Lines(
            "snr",
            "nmse_mean",
            ("method",),
            "SNR (dB)",
            "mean NMSE",
            only={"method": IRS_METHODS},
            log="y",
        ),
    ),
    "kron_posterior": View("Kronecker posterior by mode products"),
    "kron_gaps": View(
        "Measurements with missing entries",
        pivots=(
            Pivot("Median error of the gaps", ("missing",), ("method",), "gaps_median"),
            Pivot("CPU time (s)", ("missing",), ("method",), "seconds"),
        ),
    ),
    "kron_offgrid": View(
        "Angles between grid points",
        pivots=(
            Pivot("Mean NMSE", ("snr",), ("method",), "nmse_mean"),
            Pivot("Median NMSE", ("snr",), ("method",), "nmse_median"),
            Pivot(
                "Share of draws within 10 % of the error of the oracle",
                ("snr",),
                ("method",),
                "within_tenth_of_oracle",
            ),
            Pivot(
                "Share of draws within twice the error of the oracle",
                ("snr",),
                ("method",),
                "within_twice_oracle",
            ),
            Pivot("Angle error over its bound", ("snr",), ("method",), "ratio_median"),
        ),
    ),
    "kron_coupling": View("Coupling of neighboring variances"),
    "kron_synthetic": View(
        "Recovery of synthetic codes",
        pivots=(
            Pivot(
                "Median NMSE",
                ("case",),
                ("method",),
                "nmse_median",
                {"method": ("best", "svd", "mm", "K-OMP", "oracle LS")},
            ),
            Pivot("Median NMSE, all", ("case",), ("method",), "nmse_median"),
            Pivot("CPU time (s)", ("case",), ("method",), "seconds"),
        ),
    ),
    "sparse_bayes": View(
        "Sparse regression beside ARDRegression",
        picture=Bars(
            ("n", "p", "correlation"),
            "ratio",
            "times faster than ARDRegression (CPU time, default solver)",
            only={"method": "search"},
            log=True,
        ),
    ),
    "evidence_search": View(
        "Which evidence the solvers end at",
        pivots=(
            Pivot(
                "Problems of 60 short of the best known evidence by half a nat",
                ("kind",),
                ("solver",),
                "short",
                {"task": "evidence"},
            ),
            Pivot(
                "Exact supports, of 60",
                ("kind",),
                ("solver",),
                "exact",
                {"task": "evidence"},
            ),
            Pivot(
                "CPU time over that of ARDRegression, sum of ten fits",
                ("features", "correlation"),
                ("truth",),
                "ratio",
                {"task": "cost"},
            ),
            Pivot(
                "Cubics missed, of 300",
                ("constant_column", "min_gain"),
                ("solver",),
                "r2_below_0.99",
                {"task": "cubics"},
            ),
        ),
    ),
    "sparse_prediction": View(
        "Prediction on real data",
        pivots=(
            Pivot("R2", ("method",), ("data",), "r2", {"task": "regression"}),
            Pivot(
                "Log density of held-out targets",
                ("method",),
                ("data",),
                "log_density",
                {"task": "regression"},
            ),
            Pivot(
                "Held-out targets within 90 % intervals",
                ("method",),
                ("data",),
                "inside_90",
                {"task": "regression"},
            ),
            Pivot(
                "Accuracy",
                ("method",),
                ("data",),
                "accuracy",
                {"task": "classification"},
            ),
            Pivot(
                "Log-loss",
                ("method",),
                ("data",),
                "log_loss",
                {"task": "classification"},
            ),
            Pivot(
                "Features or vectors",
                ("method",),
                ("data",),
                "size",
                {"task": "classification"},
            ),
        ),
    ),
    "dynamics_ks": View(
        "Kuramoto-Sivashinsky",
        pivots=(
            Pivot(
                "Without noise: error of the coefficients (%), median over seeds",
                ("model",),
                ("dt",),
                "error",
                {"table": "published"},
            ),
            Pivot(
                "Noisy: error of the coefficients (%), median over seeds",
                ("model",),
                ("noise", "dt"),
                "error",
                {"table": "noisy"},
            ),
            Pivot(
                "Map of noise and step: error of the coefficients (%), median",
                ("noise",),
                ("dt",),
                "error",
                {"table": "map"},
            ),
        ),
    ),
    "dynamics_counts": View(
        "Equations that are right, wrong with a warning, wrong in silence",
        pivots=(
            Pivot("Exact", ("set", "noise"), ("model",), "exact"),
            Pivot("Wrong with a warning", ("set", "noise"), ("model",), "warned"),
            Pivot("Wrong in silence", ("set", "noise"), ("model",), "silent"),
        ),
    ),
    "dynamics_weak": View(
        "Weak form of noisy fields",
        pivots=(
            Pivot("Exact supports", ("field", "noise"), ("method",), "exact"),
            Pivot(
                "Error of the coefficients (%), median",
                ("field", "noise"),
                ("method",),
                "error_percent",
            ),
        ),
    ),
    "dynamics_memory": View(
        "Closures that remember, two-scale Lorenz-96",
        pivots=(
            Pivot("Error after one time unit", ("memory",), ("noise",), "rmse_1"),
            Pivot("Skill of one step", ("memory",), ("noise",), "test_skill_one_step"),
        ),
    ),
    "dynamics_assimilation": View(
        "Filters beside published figures",
        picture=Bars(
            ("filter", "members"),
            "rmse",
            "analysis error (unit observation noise)",
            only={"case": "Lorenz-96, 40 sites, unit noise, every 0.05"},
        ),
    ),
    "dynamics_window_states": View(
        "Window states as features",
        pivots=(
            Pivot("Accuracy", ("data",), ("method",), "accuracy"),
            Pivot("CPU time (s)", ("data",), ("method",), "cpu"),
        ),
    ),
    "dynamics_pendulum": View(
        "A real pendulum",
        picture=Bars(
            ("law",),
            "forecast_error",
            "error of the forecast (rad)",
            only={"table": "friction"},
        ),
    ),
    "dynamics_quasi_geostrophic": View(
        "Two-layer quasi-geostrophic turbulence",
        pivots=(
            Pivot(
                "Error of the coefficients (%)",
                ("model",),
                ("dt", "noise"),
                "error_percent",
            ),
            Pivot(
                "Error of ten-step forecasts, of the uncorrected model's",
                ("model",),
                ("dt", "noise"),
                "forecast_error_left",
            ),
        ),
    ),
    "dynamics_regression": View(
        "Sparse regressors on the same matrices",
        pivots=(
            Pivot(
                "Error of the coefficients (%)",
                ("method",),
                ("features", "noise"),
                "error",
            ),
            Pivot("Terms (one is true)", ("method",), ("features", "noise"), "terms"),
        ),
    ),
    "dynamics_systems": View(
        "Other systems",
        pivots=(
            Pivot(
                "Number of terms found, end against tangent evaluation",
                ("system", "model"),
                ("evaluate_at",),
                "terms",
            ),
        ),
    ),
    "dynamics_filter": View(
        "Ensemble Kalman filter",
        picture=Lines(
            "N",
            "ensemble_members_ms",
            ("M",),
            "members of the ensemble",
            "analysis of all members (ms)",
            only={"table": "speed"},
        ),
    ),
}
