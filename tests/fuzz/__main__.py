"""Generated input for every public estimator and function.

``python -m tests.fuzz --minutes 10``

Prints one line per kind of failure and place, with a seed that brings it about:
``python -m tests.fuzz --only SDPKMeans --seed 17 --count 1``.
"""

import argparse
import collections
import time

from tests.fuzz import functions, registry, trial


def main():
    """Run until the time or the count is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=10**9, help="trials at most")
    parser.add_argument("--only", default="", help="part of an estimator's name")
    parser.add_argument("--ignore", default="", help="kinds, separated by commas")
    options = parser.parse_args()
    subjects = [c for c in registry.estimators() if options.only in c.__name__]
    subjects += [f for f in functions.FUNCTIONS if options.only in f]
    groups, n, accepted = collections.defaultdict(list), 0, 0
    start = time.monotonic()
    ignored = set(options.ignore.split(","))
    while n < options.count and time.monotonic() - start < 60 * options.minutes:
        subject, seed = subjects[n % len(subjects)], options.seed + n // len(subjects)
        if isinstance(subject, str):
            findings, fitted = functions.run(subject, seed), False
        else:
            findings, fitted = trial.run(subject, seed)
        n, accepted = n + 1, accepted + fitted
        for f in findings:
            if f.kind not in ignored:
                groups[f.estimator, f.kind, f.where].append(f)
    for (estimator, kind, where), found in sorted(groups.items()):
        print(f"{len(found):5d} {estimator}: {kind} at {where}")
        print(f"      seed {found[0].seed}: {found[0].text[:300]}")
    print(f"{n} inputs, {accepted} accepted, {sum(map(len, groups.values()))} failures")
    return 1 if groups else 0


if __name__ == "__main__":
    raise SystemExit(main())
