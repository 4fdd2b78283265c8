"""BG/NBD on the public CDNOW customers: our fit against lifetimes and pymc-marketing's MAP, at the same likelihood.

Run: `CAFE24_TEST_DATA=DIR python -m benchmarks.clv` with cdnow_customers_summary.csv in DIR. Each peer has an
environment of its own, made on the first run. Fits alone are timed, without imports and the first fit of each;
medians count. Ours starts from the customers' columns as theirs do and climbs from three starts; it includes
gathering equal customers, standard errors and the verdict on convergence. Does not belong here: what a peer does.
"""

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.rival_clv.rival import PEERS, fits, version

RUNS: Final = {"lifetimes": 15, "pymc-marketing": 5}
OURS: Final = 31
GOALS: Final = {"lifetimes": 5, "pymc-marketing": 20}
SAME: Final = 0.01
"""Log-likelihoods may differ by so much."""


def run() -> list[dict[str, Any]]:
    """Results, each `{"name", "seconds", "peer", "peer_seconds", "ratio", "note"}`; none without the data."""
    folder = os.environ.get("CAFE24_TEST_DATA")
    if not folder:
        print("clv: CAFE24_TEST_DATA is unset: name the folder with cdnow_customers_summary.csv", file=sys.stderr)
        return []
    return [_against(peer, Path(folder) / "cdnow_customers_summary.csv") for peer in PEERS]


def _against(peer: str, path: Path) -> dict[str, Any]:
    """Both sides; ours half before and half after the peer's, as machines wander."""
    before, _ = _ours(path)
    theirs = fits(peer, path, RUNS[peer])
    after, value = _ours(path)
    reached = _likelihood(path, theirs["parameters"])
    if abs(reached - value) > SAME:
        print(f"{peer} ended at log-likelihood {reached:.4f}, ours at {value:.4f}", file=sys.stderr)
    mine, other = statistics.median(before + after), statistics.median(theirs["seconds"])
    note = (
        f"log-likelihood {value:.4f} against {reached:.4f}; {other / mine:,.1f} times as fast, "
        f"goal at least {GOALS[peer]}"
    )
    return {
        "name": "BG/NBD fit, 2,357 customers of CDNOW", "seconds": mine, "peer": version(peer),
        "peer_seconds": other, "ratio": mine / other, "note": note,
    }  # fmt: skip


def _ours(path: Path) -> tuple[list[float], float]:
    """Seconds of our fits after a first one, and the log-likelihood."""
    import pandas as pd

    from cafe24_pipelines.crm.lifetime.bgnbd import BG_NBD, histories

    customers = pd.read_csv(path)
    columns = [customers[name] for name in ("frequency", "recency", "T")]
    found, seconds = BG_NBD.fit(histories(*columns)), []
    for _ in range(OURS // 2 + 1):
        begin = time.perf_counter()
        found = BG_NBD.fit(histories(*columns))
        seconds.append(time.perf_counter() - begin)
    if not found.converged:
        raise SystemExit("our fit did not converge")
    return seconds, found.log_likelihood


def _likelihood(path: Path, parameters: dict[str, float]) -> float:
    """Of the peer's parameters, by one yardstick for all."""
    import pandas as pd

    from cafe24_pipelines.crm.lifetime.bgnbd import BG_NBD, NAMES, histories

    customers = pd.read_csv(path)
    given = histories(customers["frequency"], customers["recency"], customers["T"])
    return BG_NBD.log_likelihood([parameters[name] for name in NAMES], given)[0]


def main() -> None:
    """Print the rows."""
    for row in run():
        print(f"{row['name']}: {1000 * row['seconds']:,.2f} ms; {row['peer']}: {1000 * row['peer_seconds']:,.2f} ms; "
              f"ratio {row['ratio']:.4f}; {row['note']}")  # fmt: skip


if __name__ == "__main__":
    main()
