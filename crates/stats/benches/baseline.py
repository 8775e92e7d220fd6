"""What benches/analysis.rs is measured against: the same experiment (5 variants, 10 goals) with Python packages.

    python3 -m venv v && v/bin/pip install scipy statsmodels gbstats && v/bin/python benches/baseline.py

Less than abtest-stats does: no matrix beyond the chances, no plan, no counter error, no verdict.
"""

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


if __name__ == "__main__":
    trials, goals = experiment()
    analyse(trials, goals)
    rounds = 5
    start = time.perf_counter()
    for _ in range(rounds):
        analyse(trials, goals)
    print(f"{(time.perf_counter() - start) / rounds * 1e3:.1f} ms an experiment")
