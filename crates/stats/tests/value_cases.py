"""Reference cases for values, their plans and segments, from scipy and statsmodels: rewrites value-cases.json.

    python3 -m venv v && v/bin/pip install scipy statsmodels mpmath && v/bin/python crates/stats/tests/value_cases.py
"""

import json
import math
import pathlib

import numpy as np
import scipy
import statsmodels
from scipy import optimize, stats
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.power import NormalIndPower

cases = []


def case(kind, number, given, expect, source, rtol):
    cases.append({"id": f"{kind}-{number}", "kind": kind, "input": given, "expect": expect, "source": source, "rtol": rtol})


def sums(totals, decimals):
    totals = [int(total) for total in totals]
    return {
        "participants": len(totals),
        "with_value": sum(total != 0 for total in totals),
        "sum": sum(totals),
        "sum_of_squares": sum(total * total for total in totals),
        "largest": max(map(abs, totals)),
        "decimals": decimals,
    }


def fieller(m0, m1, v0, v1, c):
    """The ends of {theta: (m1 - theta m0)^2 <= c^2 (v1 + theta^2 v0)} less 1, by root finding."""
    if m0 <= c * math.sqrt(v0):
        return None, None
    g = lambda theta: (m1 - theta * m0) ** 2 - c * c * (v1 + theta * theta * v0)
    middle, width = m1 / m0, c * math.sqrt(v1 + v0 * (m1 / m0) ** 2) / m0

    def end(sign):
        far = middle + sign * width
        while g(far) < 0:
            far += sign * width
        return optimize.brentq(g, middle, far, xtol=1e-15, rtol=1e-14) - 1

    return end(-1), end(1)


def values(number, control, variant, decimals, alpha, method, tuning=5000, rtol=1e-8):
    a, b = (np.array(totals, dtype=np.float64) / 10**decimals for totals in (control, variant))
    v0, v1 = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    d, v = b.mean() - a.mean(), v0 + v1
    if method == "fixed":
        found = stats.ttest_ind(b, a, equal_var=False)
        interval = found.confidence_interval(1 - alpha)
        low, high, p = interval.low, interval.high, found.pvalue
        c = stats.t.isf(alpha / 2, found.df)
        source = f"scipy {scipy.__version__} ttest_ind(equal_var=False) on the totals"
    else:
        l = -2 * math.log(alpha)
        t = (len(a) + len(b)) * (l + math.log(l + 1)) / tuning
        c = math.sqrt((t + 1) / t * 2 * math.log(math.sqrt(t + 1) / alpha))
        low, high = d - c * math.sqrt(v), d + c * math.sqrt(v)
        p = min(1, math.sqrt(t + 1) * math.exp(-t * d * d / (2 * v * (t + 1))))
        source = "numpy on the totals, confidence sequence of arXiv 2103.06476"
    lift_low, lift_high = fieller(a.mean(), b.mean(), v0, v1, c)
    posterior = stats.norm(d, math.sqrt(v))
    z = d / math.sqrt(v)
    expect = {
        "control_mean": a.mean(), "variant_mean": b.mean(), "control_sd": a.std(ddof=1), "variant_sd": b.std(ddof=1),
        "difference": d, "difference_low": low, "difference_high": high,
        "lift": d / a.mean() if a.mean() > 0 else None, "lift_low": lift_low, "lift_high": lift_high,
        "z": z, "p_value": p,
        "chance": posterior.sf(0), "expected_loss": math.sqrt(v) * (stats.norm.pdf(z) - z * stats.norm.sf(z)),
    }
    given = {"control": sums(control, decimals), "variant": sums(variant, decimals), "alpha": alpha, "method": method}
    if method != "fixed":
        given["tuning"] = tuning
    case("values", number, given, expect, f"{source}; Fieller by scipy brentq; scipy norm", rtol)


rng = np.random.default_rng(7)


def orders(n, buyers, sigma, scale=1.0):
    """Totals in cents: a share of buyers with log-normal orders."""
    bought = rng.random(n) < buyers
    return np.where(bought, np.round(100 * scale * rng.lognormal(3, sigma, n)), 0).astype(int)


values(1, orders(5000, 0.05, 1.0), orders(5200, 0.05, 1.0, 1.3), 2, 0.05, "fixed")
values(2, orders(900, 0.2, 1.5), orders(300, 0.2, 1.5), 2, 0.01, "fixed")
values(3, [0, 0, 5, -3, 1], [2, 4, 0, 0, 1, 1], 0, 0.05, "fixed")
values(4, [10**9 + x for x in (1, 2, 4, 9)], [10**9 + x for x in (3, 5, 6)], 0, 0.05, "fixed", rtol=1e-6)
values(5, [-500, -200, 0, -100], [100, 200, 0, -100], 1, 0.05, "fixed")
values(6, orders(20000, 0.03, 1.0), orders(20000, 0.03, 1.0, 1.2), 2, 0.05, "always_valid")
values(7, orders(4000, 0.1, 1.0), orders(36000, 0.1, 1.0, 1.1), 2, 0.0125, "always_valid", 40000)
values(8, np.round(rng.gamma(4, 200, 3000)).astype(int), np.round(rng.gamma(4, 190, 3100)).astype(int), 0, 0.05, "always_valid")

for number, (mean, sd, lift, alpha, power) in enumerate(
    [(2.5, 20, 0.05, 0.05, 0.8), (800, 350, -0.02, 0.01, 0.9), (0.01, 0.3, 0.5, 0.05, 0.95)], 1
):
    # One tail of the two-sided test, as for proportions.
    n = math.ceil(NormalIndPower().solve_power(abs(mean * lift) / sd, None, alpha / 2, power, alternative="larger"))
    source = f"statsmodels {statsmodels.__version__} NormalIndPower, one tail"
    case("mean_sample_size", number, {"mean": mean, "sd": sd, "lift": lift, "alpha": alpha, "power": power}, {"per_variant": n}, source, 0)
    found = NormalIndPower().power(abs(mean * lift) / sd, n // 2, alpha / 2, alternative="larger")
    given = {"mean": mean, "sd": sd, "lift": lift, "alpha": alpha, "per_variant": n // 2}
    case("mean_power", number, given, {"power": found}, source, 1e-8)

for number, (effects, variances) in enumerate(
    [([0.1, 0.3, -0.05], [0.01, 0.02, 0.005]), ([0.1, 0.3], [0.5, 0.01]), ([1.2, -0.4, 0.3, 0.9, 2.5], [0.04, 0.09, 0.01, 0.3, 0.2])], 1
):
    found = combine_effects(np.array(effects), np.array(variances), method_re="dl")
    degrees = len(effects) - 1
    expect = {
        "q": found.q, "degrees": degrees, "p_value": stats.chi2.sf(found.q, degrees),
        "i_squared": max(0.0, 1 - degrees / found.q) if found.q > 0 else 0.0,
        "pooled": found.mean_effect_fe,
    }
    case("cochran_q", number, {"effects": effects, "variances": variances}, expect, f"statsmodels {statsmodels.__version__} combine_effects", 1e-8)


def plain(value):
    """numpy's numbers as Python's."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return value.item() if isinstance(value, np.generic) else value


lines = ",\n".join(json.dumps(plain(one)) for one in cases)
(pathlib.Path(__file__).parent / "value-cases.json").write_text('{"cases":[\n' + lines + "\n]}\n")
