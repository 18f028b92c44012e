"""What a reader should take from each benchmark, and what it does not show.

No numbers here: they stand in the pictures and tables, which follow the results.
"""

# Name -> (claim, caveat).
CLAIMS = {
    "eeg_covariances": (
        "Covariances, embeddings and tangent vectors take a fraction of the time of "
        "pyriemann's and MOABB's, to the same numbers.",
        "A fit is more than its covariances; see the search below for whole fits.",
    ),
    "eeg_mean": (
        "Newton's method finds the Riemannian mean in three or four passes, in less "
        "time than the fixed point of pyriemann.",
        "For very small matrices both take well under a millisecond per trial.",
    ),
    "eeg_search": (
        "The search over order, lag and C shares its work between grid points and "
        "gives, in its exact mode, the scores of scikit-learn's GridSearchCV.",
        "The peer ran a part of the grid and is extrapolated over lags and folds.",
    ),
    "eeg_moabb": (
        "On one person's ninety trials no pipeline is significantly better than the "
        "best baseline.",
        "One person cannot rank pipelines; these scores check that the pipelines run "
        "by MOABB's rules.",
    ),
    "eeg_accuracy_imagery": (
        "Averaging over orders and lags needs no search and does about as well as the "
        "best single choice, on a task where plain covariances already do well.",
        "45 trials of one person: differences of a few points are chance.",
    ),
    "eeg_accuracy_ssvep": (
        "Delays help most for steady-state responses with few channels.",
        "Six people, trials of one second; chance is 20 %.",
    ),
    "eeg_accuracy_uea": (
        "Where augmentation helps and where it does not, on sets that nothing was "
        "tuned on.",
        "Three small sets; five stratified folds of training and test part together.",
    ),
    "eeg_bands_kalunga": (
        "Given the sampling frequency and the band, the default chooses its lags in "
        "seconds and is better than plain covariances here.",
        "Known flicker frequencies help more than anything else; standard errors are "
        "in the list of all rows.",
    ),
    "eeg_p300": (
        "Event-related potentials need the mean response: covariances with prototypes "
        "are the pipelines to take.",
        "Two people, four dry electrodes.",
    ),
    "eeg_transfer": (
        "Recentering without labels helps where the recording has changed between "
        "sessions, and changes little where it has not.",
        "Gains and losses on one person's runs are within chance; it takes trials of "
        "the new session, though not their labels.",
    ),
    "cluster_certificate": (
        "A certificate of good labels costs about a second at most, up to a million "
        "points.",
        "Overlapping clusters seldom get a proof; they get a bound, which costs more.",
    ),
    "cluster_exact": (
        "Classic sets of up to 720 points are solved to proven optimality; the "
        "root gaps are mostly below those of SOS-SDP.",
        "Published figures are from another machine: compare gaps and nodes, and of "
        "seconds orders of magnitude. For points of the plane ours is column "
        "generation, too, with roots like the published ones.",
    ),
    "cluster_kmedoids": (
        "The relaxation of K-medoids is tight or nearly so on most data; no "
        "certificate was wrong in ten thousand enumerated instances.",
        "Fifty clusters that overlap leave a gap after the allowed branching.",
    ),
    "cluster_misclustering": (
        "The default of LikelihoodAdjustedSDP is never far from the best mixture; a "
        "single fixed covariance model often is.",
        "It is not the best on every set: a mixture whose covariances suit the data "
        "can win, and for equal spheres K-means does.",
    ),
    "cluster_sdp": (
        "The clustering programs are solved to the same optimum as cvxpy's solvers, "
        "faster, and the ratio grows with the number of points.",
        "The two stop at different errors; compare both columns.",
    ),
    "supervised_dictionary_accuracy": (
        "At small rank the filter model is more accurate than unsupervised atoms, and "
        "close to a classifier that sees all features.",
        "Where prediction alone counts, logistic regression on all features is as "
        "good or better on most of these sets.",
    ),
    "supervised_dictionary_published": (
        "The training objective is reached in a fraction of the time of the authors' "
        "implementation.",
        "Their code stops before the optimum in the allowed number of steps.",
    ),
    "supervised_dictionary_xrays": (
        "Ten atoms of patch codes are as accurate as logistic regression on the same "
        "codes, and about a point better than classifiers on pixels.",
        "The codes make the difference, not the dictionary. Images of 28 by 28 pixels "
        "are no diagnosis.",
    ),
    "online_dictionary_recovery": (
        "One pass over the rows recovers sparse dictionaries.",
        "The denser the codes, the more rows are needed.",
    ),
    "online_dictionary_peers": (
        "To the same error, one pass here is much faster than scikit-learn's online "
        "learner.",
        "The peer learns dictionaries that need not be orthogonal, a harder problem.",
    ),
    "online_dictionary_codes": (
        "The error of the atoms is near that of FastICA, for most kinds of codes "
        "below it.",
        "For heavy-tailed codes FastICA is better; a smooth picture is coded as well "
        "by its cosine transform.",
    ),
    "linear_model_robust_trace": (
        "Gross errors in some of the targets do not affect the fit; least squares, "
        "Huber and RANSAC fail where there are many.",
        "The other targets carry no noise here; with noise, errors are of its size.",
    ),
    "sparse_bayes": (
        "The same model as ARDRegression, or one of higher evidence, in less time.",
        "For few columns the times are alike.",
    ),
    "dynamics_systems": (
        "With tangent evaluation the missing terms are found in ordinary and partial "
        "differential equations, and no others.",
        "No noise; the closure of the two-scale system is an average, no equation.",
    ),
    "evidence_search": (
        "The search ends at the best known evidence more often than greedy and "
        "fixed-point solvers.",
        "Higher evidence is not always the true support: see the exact supports in the "
        "list of all rows.",
    ),
    "sparse_prediction": (
        "Few columns predict about as well as all of them, with honest intervals.",
        "For prediction alone, LassoCV and BayesianRidge are as good or better on "
        "several sets.",
    ),
    "irs_mimo": (
        "Channels are estimated with smaller errors than the published figures of "
        "Kronecker methods.",
        "Simulated channels with angles on the grid; the published figures are of "
        "other draws and another machine.",
    ),
    "kron_posterior": (
        "Products along the modes replace dense formulas: the larger the problem, the "
        "larger the gain.",
        "For the smallest problems the dense formula is faster.",
    ),
    "kron_gaps": (
        "Missing entries are filled in with smaller errors than by dense EM, OMP and a "
        "CP decomposition.",
        "Simulated tensors whose support is a product, entries missing at random.",
    ),
    "dynamics_ks": (
        "Missing terms of the Kuramoto-Sivashinsky equation are identified with small "
        "errors, with and without noise.",
        "The truth is simulated and the term is in the library; steps that are too "
        "long or short for the noise fail, as the map shows.",
    ),
    "dynamics_counts": (
        "Almost no equation is wrong without a warning.",
        "A few are: their simulated truth is under-resolved, or noise hides a term.",
    ),
    "dynamics_weak": (
        "In weak form noisy fields give exact equations where derivatives of the data "
        "fail.",
        "It needs fields in space and time, not single pairs. On Burgers' equation "
        "pysindy's weak library, tuned, is as good.",
    ),
    "dynamics_memory": (
        "One past state lowers the error of a closure considerably; more past states "
        "lower it a little further.",
        "One system, one sampling interval.",
    ),
    "dynamics_assimilation": (
        "The filters reach the published errors of DAPPER on the usual test.",
        "DAPPER's figures are quoted, not run.",
    ),
    "dynamics_regression": (
        "On good features most sparse regressions agree; on biased ones none does.",
        "One equation, one library.",
    ),
    "dynamics_filter": (
        "Working in the space of the ensemble beats dense matrices as long as the "
        "ensemble is smaller than the state.",
        "The advantage shrinks as the ensemble grows.",
    ),
}
