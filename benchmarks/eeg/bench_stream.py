"""An hour of stream with drop-outs: nothing is lost, and how long a decision takes.

``python -m benchmarks.eeg.bench_stream``. Eight channels of simulated signal at 128 Hz
in chunks of 1/16 s, windows of 2 s, a decision every second; sixty drop-outs of 1 to
20 s (zeros or a constant). Latencies are wall time on a shared machine.
"""

import time

import numpy as np

from benchmarks.common import save
from skgeo.eeg import AugmentedCovarianceClassifier, StreamDecoder, TrialRejector
from skgeo.testing import make_trials

SFREQ, SECONDS, CHUNK = 128, 3600, 8


def signal_with_drop_outs():
    """An hour of trials in a row, and which samples are missing."""
    X, y = make_trials(SECONDS // 2, 8, 2 * SFREQ)
    signal = np.concatenate(list(X), axis=1)
    rng = np.random.default_rng(0)
    gone = np.zeros(signal.shape[1], dtype=bool)
    for start in rng.choice(SECONDS - 40, 60, replace=False) * SFREQ:
        length = rng.integers(1, 20) * SFREQ
        gone[start : start + length] = True
        signal[:, start : start + length] = rng.choice([0.0, 31.0])
    return X, y, signal, gone


def main():
    _, y, signal, gone = signal_with_drop_outs()
    rows = []
    for name, model in {
        "order 2, lag 4": AugmentedCovarianceClassifier(2, 4, selection=None),
        "average, seconds and bands": AugmentedCovarianceClassifier(
            sfreq=SFREQ, band=(4.0, 40.0)
        ),
    }.items():
        filtered = StreamDecoder(None, SFREQ, band=(4.0, 40.0)).filter(signal)
        windows = filtered[:, : 100 * 2 * SFREQ].reshape(8, 100, -1).swapaxes(0, 1)
        clean = ~gone[: 100 * 2 * SFREQ].reshape(100, -1).any(1)
        model.fit(windows[clean], y[:100][clean])
        decoder = StreamDecoder(
            model,
            SFREQ,
            step=1.0,
            band=(4.0, 40.0),
            rejector=TrialRejector(6.0).fit(windows[clean]),
        )
        start, decisions = time.process_time(), []
        for at in range(0, signal.shape[1], CHUNK):
            decisions += decoder.push(signal[:, at : at + CHUNK])
        cpu = time.process_time() - start
        times = np.array([d.time for d in decisions])
        assert (np.diff(times) == 1.0).all()
        assert len(times) == SECONDS - 1
        latency = 1e3 * np.array([d.latency for d in decisions if d.label is not None])
        reasons = [d.reason for d in decisions]
        rows.append(
            {
                "classifier": name,
                "decisions": len(decisions),
                "without_signal": reasons.count("no signal"),
                "rejected": reasons.count("rejected"),
                "failed": len(reasons)
                - sum(reasons.count(r) for r in ("", "no signal", "rejected")),
                "median_ms": float(np.median(latency)),
                "p99_ms": float(np.percentile(latency, 99)),
                "cpu": cpu,
                "cpu_ms_per_decision": 1e3 * cpu / len(decisions),
            }
        )
        print(rows[-1], flush=True)
    save("eeg_stream", rows)


if __name__ == "__main__":
    main()
