"""The same experiment (5 variants, 10 goals) with abtest-stats and with Python packages, in one run: prints the ratio.

    python3 -m venv v && v/bin/pip install scipy statsmodels gbstats && v/bin/python crates/stats/benches/baseline.py

The Python side does less: no matrix beyond the chances, no plan, no counter error, no verdict. Each
side's fastest round counts: what else the machine does makes rounds slower, never faster.
"""

import json
import os
import pathlib
import subprocess
import time

import numpy as np
from scipy import stats
from scipy.special import betainc, betaln
from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import ProportionStatistic
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)

VARIANTS, GOALS = 5, 10
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def experiment():
    trials = [40_000 + 313 * v for v in range(VARIANTS)]
    return trials, [[n * (4 + g) // 100 + 37 * v for v, n in enumerate(trials)] for g in range(GOALS)]


def chances(successes, trials):
    low = min(stats.beta.ppf(1e-12, 1 + s, 1 + n - s) for s, n in zip(successes, trials))
    high = max(stats.beta.isf(1e-12, 1 + s, 1 + n - s) for s, n in zip(successes, trials))
    x, w = (NODES + 1) / 2 * (high - low) + low, WEIGHTS * (high - low) / 2
    below = [betainc(1 + s, 1 + n - s, x) for s, n in zip(successes, trials)]
    density = [
        np.exp(s * np.log(x) + (n - s) * np.log1p(-x) - betaln(1 + s, 1 + n - s))
        for s, n in zip(successes, trials)
    ]
    k = len(trials)
    best = [np.sum(w * density[i] * np.prod([below[j] for j in range(k) if j != i], axis=0)) for i in range(k)]
    beats = [[np.sum(w * density[i] * below[j]) for j in range(k)] for i in range(k)]
    loss = [[np.sum(w * below[i] * (1 - below[j])) for j in range(k)] for i in range(k)]
    return best, beats, loss


def analyse(trials, goals):
    p_values = []
    stats.chisquare(trials)
    for successes in goals:
        for s, n in zip(successes, trials):
            proportion_confint(s, n, method="wilson")
        for s, n in list(zip(successes, trials))[1:]:
            p_values.append(proportions_ztest([s, successes[0]], [n, trials[0]])[1])
            confint_proportions_2indep(s, n, successes[0], trials[0], method="newcomb")
            confint_proportions_2indep(s, n, successes[0], trials[0], compare="ratio", method="log")
            pair = ProportionStatistic(n=trials[0], sum=successes[0]), ProportionStatistic(n=n, sum=s)
            SequentialTwoSidedTTest(*pair, SequentialConfig()).compute_result()
        chances(successes, trials)
    multipletests(p_values, method="holm")


def python_seconds():
    """The fastest of seven rounds, an experiment each."""
    trials, goals = experiment()
    analyse(trials, goals)
    rounds = []
    for _ in range(7):
        start = time.perf_counter()
        analyse(trials, goals)
        rounds.append(time.perf_counter() - start)
    return min(rounds)


def our_seconds(name):
    """The fastest sample that criterion took of a benchmark of benches/analysis.rs."""
    root = pathlib.Path(__file__).resolve().parents[3]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    bench = ["cargo", "bench", "-q", "-p", "abtest-stats", "--bench", "analysis", "--", "--noplot", name]
    subprocess.run(bench, cwd=root, check=True, stdout=subprocess.DEVNULL)
    # Criterion makes folders of names: of a group and a benchmark, or of a benchmark alone.
    found = [path for path in target.glob("criterion/**/new/sample.json") if name in str(path)]
    newest = max(found, key=lambda path: path.stat().st_mtime)
    sample = json.loads(newest.read_text())
    return min(time / rounds for time, rounds in zip(sample["times"], sample["iters"])) / 1e9


if __name__ == "__main__":
    ours, theirs = our_seconds("one experiment, 5 variants, 10 goals"), python_seconds()
    many = our_seconds("10,000 experiments")
    print("| 5 variants, 10 goals | abtest-stats | Python | times faster |")
    print("|---|---|---|---|")
    print(f"| one experiment | {ours * 1e3:.2f} ms | {theirs * 1e3:.1f} ms | {theirs / ours:.0f} |")
    print(f"| 10,000 experiments, one core | {many:.1f} s | – | – |")
