"""What the Greeks of 2,000 contracts cost, beside numpy's own cost of the same array operations in the same run.

Run as `python -m benchmarks.greeks`; prints one JSON object. `OPERATIONS` counts what the source of operators/greeks.py
does to a column of all contracts: three rounds of the solver (the third is for some contracts only), its check, the
start, and the Greeks. A ratio near 1 means that nothing is spent outside numpy.
"""

import json
import statistics
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erfcx, erfinv, ndtr

from operators.greeks import chain_greeks, implied

CONTRACTS, RUNS = 2_000, 300
YEARS = 360 / (365 * 1440)
OPERATIONS: dict[np.ufunc, int] = {
    np.multiply: 3 * 97 + 70 + 100,  # one round, the check, and all else; additions, comparisons and copies cost alike
    erfcx: 3 * 3 + 3,
    np.log: 3 + 1 + 4,
    np.log1p: 2,
    np.logaddexp: 1,
    np.sqrt: 6,
    np.exp: 1,
    erfinv: 1,
    ndtr: 2,
}


def chain() -> tuple[Any, ...]:
    """Calls and puts of 1,000 strikes within four deviations of the forward, at about 20 % with a smile."""
    forward, deviation = 680.0, 0.2 * np.sqrt(YEARS)
    distance = np.linspace(-4, 4, CONTRACTS // 2)
    strike = forward * np.exp(distance * deviation)
    iv = 0.2 * (1 + 0.02 * distance**2)
    d1 = np.log(forward / strike) / (iv * np.sqrt(YEARS)) + iv * np.sqrt(YEARS) / 2
    call = forward * ndtr(d1) - strike * ndtr(d1 - iv * np.sqrt(YEARS))
    price = np.column_stack((call, call - forward + strike)).ravel()
    return np.tile([1.0, -1.0], CONTRACTS // 2), np.repeat(strike, 2), price, forward, YEARS, 0.99997


def microseconds(work: Callable[[], object]) -> dict[str, float]:
    """Best and median of many runs."""
    runs = [1e6 * run for run in timeit.repeat(work, number=1, repeat=RUNS)]
    return {"best": round(min(runs), 1), "median": round(statistics.median(runs), 1)}


def yardstick() -> None:
    """As many array operations as the Greeks take, on columns of the same length."""
    column = np.linspace(0.1, 0.9, CONTRACTS)
    for operation, count in OPERATIONS.items():
        arguments = (column,) * operation.nin
        for _ in range(count):
            operation(*arguments)


def main() -> None:
    contracts = chain()
    solved = int(np.isfinite(implied(*contracts).iv).sum())
    each, twins, bare = (
        microseconds(work) for work in (lambda: implied(*contracts), lambda: chain_greeks(*contracts), yardstick)
    )
    result = {
        "contracts": CONTRACTS,
        "solved": solved,
        "implied_us": each,
        "chain_greeks_us": twins,
        "contracts_per_second": round(CONTRACTS / (each["best"] * 1e-6)),
        "yardstick_operations": sum(OPERATIONS.values()),
        "yardstick_us": bare,
        "ratio_best": round(each["best"] / bare["best"], 2),
        "ratio_median": round(each["median"] / bare["median"], 2),
        "chain_ratio_best": round(twins["best"] / bare["best"], 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
