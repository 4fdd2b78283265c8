"""One peer's BG/NBD on given customers, run in its own environment: `fit.py PEER CSV RUNS`.

Prints seconds and parameters as JSON. Only the fit is timed: the package is imported, the customers are read and one
fit is made (and compiled) before. pymc-marketing gets flat priors, so that its MAP is the maximum of the likelihood
that the others climb. Does not belong here: anything of this project.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd

warnings.filterwarnings("ignore")
NAMES = ("r", "alpha", "a", "b")
Fit = Callable[[], dict[str, float]]


def of_lifetimes(customers: pd.DataFrame) -> Fit:
    from lifetimes import BetaGeoFitter

    def fit() -> dict[str, float]:
        model = BetaGeoFitter()
        model.fit(customers["frequency"], customers["recency"], customers["T"])
        return {name: float(model.params_[name]) for name in NAMES}

    return fit


def of_pymc_marketing(customers: pd.DataFrame) -> Fit:
    from pymc_extras.prior import Prior
    from pymc_marketing.clv import BetaGeoModel

    given = customers.rename(columns={"ID": "customer_id"})

    def fit() -> dict[str, float]:
        model = BetaGeoModel(given, model_config={name: Prior("HalfFlat") for name in NAMES})
        model.fit(method="map", progressbar=False)
        return {name: float(model.fit_summary()[name]) for name in NAMES}

    return fit


def main(peer: str, path: str, runs: str) -> None:
    makers: dict[str, Any] = {"lifetimes": of_lifetimes, "pymc-marketing": of_pymc_marketing}
    fit, seconds = makers[peer](pd.read_csv(path)), []
    found = fit()
    for _ in range(int(runs)):
        begin = time.perf_counter()
        found = fit()
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": seconds, "parameters": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
