"""Landing of a real shop against the plainest way to make Parquet of its CSV: pandas read_csv + to_parquet.

Both in one process and run, each as often as the other, in turns; the best time of each counts. Landing does much
more (strict decoding, line accounting, exact money, zones, the privacy line, splitting, content digests, fsync).
Run: `CAFE24_TEST_DATA=DIR python -m benchmarks.landing` with online_retail.csv or .csv.gz in DIR.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peak import peak_megabytes

ROUNDS = 3
MAPPING = Path(__file__).parents[1] / "examples" / "online_retail" / "mapping.yaml"


def run() -> list[dict[str, Any]]:
    """Results, each `{"name", "seconds", "peer", "peer_seconds", "ratio"}`; empty when CAFE24_TEST_DATA is unset."""
    data = os.environ.get("CAFE24_TEST_DATA")
    if not data:
        return []
    steps = (_land, _graph, _pandas)
    with tempfile.TemporaryDirectory() as folder:
        turns = [[_seconds(step, data, folder, i) for step in steps] for i in range(ROUNDS)]
    land, graph, peer = (min(column) for column in zip(*turns, strict=True))
    names = {"land Online Retail (541,909 lines)": land, "land it and build its graph": land + graph}
    return [
        {
            "name": name, "seconds": round(ours, 3), "peer": "pandas read_csv + to_parquet",
            "peer_seconds": round(peer, 3), "ratio": round(ours / peer, 2),
        }
        for name, ours in names.items()
    ]  # fmt: skip


def _seconds(step: Callable[[str, str, int], None], data: str, folder: str, turn: int) -> float:
    begin = time.perf_counter()
    step(data, folder, turn)
    return time.perf_counter() - begin


def _land(data: str, folder: str, turn: int) -> None:
    from cafe24_pipelines.cafe24.landing import land_shop
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Home, Settings
    from cafe24_pipelines.stores.lake import Lake

    home = Home(Path(folder) / f"home-{turn}")
    mall = Mall("online-retail", "csv", data, str(MAPPING), "Europe/London", "GBP")
    report = land_shop(mall, Lake(home.lake).mall(mall.mall_id), Settings(home=home))
    if report.reconciliation is None or not report.reconciliation.balanced:
        raise SystemExit("the account of the landing does not balance")


def _graph(_data: str, folder: str, turn: int) -> None:
    """Stage and publish the graph of what `_land` has landed in the same turn."""
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.ontology.build import publish_graph
    from cafe24_pipelines.settings import Home
    from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
    from cafe24_pipelines.stores.lake import Lake

    home = Home(Path(folder) / f"home-{turn}")
    mall = Mall("online-retail", time_zone="Europe/London", currency="GBP")
    store = EmbeddedGraph(home.graph)
    counts = publish_graph(store, Lake(home.lake).mall(mall.mall_id), mall, [])
    store.close()
    if counts.by_label["CRM_OrderItem"] < 500_000:
        raise SystemExit("the graph does not hold the order lines")


def _pandas(data: str, folder: str, turn: int) -> None:
    import pandas as pd

    file = next(Path(data) / n for n in ("online_retail.csv", "online_retail.csv.gz") if (Path(data) / n).exists())
    pd.read_csv(file).to_parquet(Path(folder) / f"pandas-{turn}.parquet")


def main() -> None:
    """Print the result and the peak memory of the process."""
    results = run()
    if not results:
        raise SystemExit("CAFE24_TEST_DATA is unset: name the folder that holds online_retail.csv.gz")
    for r in results:
        print(f"{r['name']}: {r['seconds']} s; {r['peer']}: {r['peer_seconds']} s; ratio {r['ratio']}")
    print(f"peak memory: {peak_megabytes():,.0f} MB")


if __name__ == "__main__":
    main()
