"""Analytics at the size of large malls: cost a line, peak memory, and RFM + cohorts + basket against pandas.

`python -m benchmarks.analytics scale [--lines A,B,C] [--only NAME,…]` lands malls of several sizes and runs each
analysis of `crm/` over them in a process of its own. `python -m benchmarks.analytics pandas [--lines N]` does RFM,
monthly cohorts and pair counts over the same Parquet with plain pandas, and with ours. Does not belong here: fitting
CLV models (`clv.py`), or whether results are right (tests).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.large_mall import large_tables
from benchmarks.peak import peak_megabytes

LINES_AN_ORDER: Final = 2
SIZES: Final = (100_000, 1_000_000, 10_000_000)
COMPARED: Final = ("rfm", "cohorts", "market_basket")
MALL: Final = "large"
Row = dict[str, Any]


def run() -> list[Row]:
    """Rows of `against_pandas` at a million lines."""
    with tempfile.TemporaryDirectory(prefix="bench-analytics-") as folder:
        return against_pandas(Path(folder), SIZES[1])


def against_pandas(folder: Path, lines: int) -> list[Row]:
    """RFM, cohorts and basket, ours and pandas', each in a process of its own over the same files."""
    _in_child("land", folder, lines=lines)
    ours = [_in_child("analysis", folder, name=name) for name in COMPARED]
    theirs = _in_child("pandas", folder)
    mine = sum(one["seconds"] for one in ours)
    memory = f"peak MB {max(one['peak'] for one in ours):,.0f} against {theirs['peak']:,.0f}"
    memory += f"; pandas without testing pairs {theirs['alone']:.2f} s"
    return [{
        "name": f"RFM + cohorts + basket, {lines:,} lines", "seconds": mine, "peer": "plain pandas, the same tables",
        "peer_seconds": theirs["seconds"], "ratio": mine / theirs["seconds"], "note": f"goal at most 0.2x; {memory}",
    }]  # fmt: skip


def scale(sizes: tuple[int, ...], names: list[str]) -> list[tuple[int, dict[str, Row]]]:
    """Seconds, peak and rows of every analysis at every size, smallest first."""
    found = []
    for lines in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-analytics-") as root:
            landed = _in_child("land", Path(root), lines=lines)
            print(f"{lines:,} lines: landed in {landed['seconds']:,.0f} s", file=sys.stderr, flush=True)
            rows = {}
            for name in names:
                rows[name] = _in_child("analysis", Path(root), name=name)
                print(f"  {name}: {rows[name]}", file=sys.stderr, flush=True)
        found.append((lines, rows))
    return found


def shown(found: list[tuple[int, dict[str, Row]]]) -> str:
    """The sizes side by side: seconds, then µs a line against the smallest, then the peak."""
    names, least = list(found[0][1]), found[0]
    head = f"{'analysis':<20}" + "".join(f"{f'{lines:,} lines':>22}" for lines, _ in found)
    body = []
    for name in [*names, "all"]:
        cells = []
        for lines, rows in found:
            seconds = _seconds(rows, name)
            ratio = (seconds / lines) / (_seconds(least[1], name) / least[0])
            peak = max(one["peak"] for key, one in rows.items() if name in (key, "all"))
            cells.append(f"{seconds:>8,.1f}s {ratio:>5.2f}x {peak:>5,.0f}M")
        body.append(f"{name:<20}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join([head, *body])


# -- in a process of its own -----------------------------------------------------------------------------------


def _land(folder: Path, lines: int) -> Row:
    """Land a whole mall at once."""
    import pyarrow as pa

    from cafe24_pipelines.stores.lake import Lake

    lake = Lake(folder).mall(MALL)
    begin = time.perf_counter()
    whole, *slices = large_tables(lines // LINES_AN_ORDER)
    for name, rows in whole.items():
        lake.land(name, rows)
    for name in list(slices[0]):
        lake.land(name, pa.concat_tables([one.pop(name) for one in slices]), snapshot=True)
    return {"seconds": time.perf_counter() - begin, "peak": peak_megabytes()}


def _analysis(folder: Path, name: str) -> Row:
    """One analysis, from the lake to its outcome."""
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.analysis import analysis_named
    from cafe24_pipelines.stores.lake import Lake

    one, lake = analysis_named(name), Lake(folder).mall(MALL).for_analysis()
    _warm()
    begin = time.perf_counter()
    outcome = one.run(lake, Mall(MALL))
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "peak": peak_megabytes(), "rows": len(outcome.table), "status": outcome.status}


def _pandas(folder: Path) -> Row:
    """The same three with pandas: quintile scores, a retention table, pairs in one order with lift, p and q."""
    import pandas as pd

    _warm()
    begin = time.perf_counter()
    orders, items = (_frame(folder, name) for name in ("orders", "order_items"))
    orders["local"] = orders["ordered_at"].dt.tz_convert("Asia/Seoul")
    orders["paid_amount"] = orders["paid_amount"].astype(float)
    bad = ["unpaid", "cancelled", "returned"]
    sales = orders[~orders["status"].isin(bad) & orders["member_key"].notna()].copy()
    rfm = sales.groupby("member_key").agg(
        last=("local", "max"), frequency=("order_id", "size"), monetary=("paid_amount", "sum")
    )
    rfm["r"] = pd.qcut(rfm["last"].rank(method="first"), 5, labels=False)
    for score, column in (("f", "frequency"), ("m", "monetary")):
        rfm[score] = pd.qcut(rfm[column].rank(method="first"), 5, labels=False)
    sales["month"] = sales["local"].dt.tz_localize(None).dt.to_period("M")
    sales["cohort"] = sales.groupby("member_key")["month"].transform("min")
    cohorts = sales.groupby(["cohort", "month"])["member_key"].nunique().unstack()
    lines = items[items["order_id"].isin(orders.loc[~orders["status"].isin(bad), "order_id"])]
    lines = lines[~lines["status"].isin(["cancelled", "returned"])]
    counted = [_pandas_pairs(lines, one, cap) for one, cap in (("product_no", 300), ("category", 100))]
    alone = time.perf_counter() - begin
    tested = [_pandas_tests(*one) for one in counted]
    seconds = time.perf_counter() - begin
    rows = len(rfm) + cohorts.size + sum(map(len, tested))
    return {"seconds": seconds, "alone": alone, "peak": peak_megabytes(), "rows": rows}


def _pandas_pairs(lines: Any, item: str, cap: int) -> tuple[Any, Any, int]:
    """Orders of each pair of the most sold items, orders of each item, and all orders."""
    basket = lines[["order_id", item]].drop_duplicates()
    orders, sold = basket["order_id"].nunique(), basket[item].value_counts()
    basket = basket[basket[item].isin(sold.index[:cap])]
    pairs = basket.merge(basket, on="order_id")
    pairs = pairs[pairs[f"{item}_x"] < pairs[f"{item}_y"]]
    counts = pairs.groupby([f"{item}_x", f"{item}_y"]).size().reset_index(name="n")
    return counts[counts["n"] >= 5], sold, orders


def _pandas_tests(counts: Any, sold: Any, n: int) -> Any:
    """Lift with its interval, Fisher's exact p of scipy, and q of every listed pair."""
    import numpy as np
    from scipy.stats import false_discovery_control, fisher_exact

    both = counts["n"].to_numpy()
    a, b = (sold.reindex(counts.iloc[:, k]).to_numpy() for k in (0, 1))
    counts = counts.assign(lift=both * n / (a * b))
    half = 1.96 * np.sqrt(1 / both - 1 / a - 1 / b + 1 / n)
    counts["low"], counts["high"] = counts["lift"] * np.exp(-half), counts["lift"] * np.exp(half)
    tables = zip(both, a, b, strict=True)
    counts["p"] = [fisher_exact([[k, x - k], [y - k, n - x - y + k]]).pvalue for k, x, y in tables]
    counts["q"] = false_discovery_control(counts["p"].to_numpy())
    return counts


def _frame(folder: Path, name: str) -> Any:
    import pandas as pd

    return pd.concat([pd.read_parquet(path) for path in sorted((folder / MALL / name).glob("*.parquet"))])


def _warm() -> None:
    """Libraries are loaded before the clock starts."""
    import importlib

    for name in ("duckdb", "pandas", "pyarrow.parquet", "scipy.stats", "sklearn.linear_model", "matplotlib.figure"):
        importlib.import_module(name)


def _in_child(task: str, folder: Path, **given: Any) -> Row:
    order = json.dumps({"task": task, "folder": str(folder), **given})
    command = [sys.executable, "-m", "benchmarks.analytics", "child", order]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"{task} {given} failed")
    return dict(json.loads(done.stdout))


def _child(order: Row) -> Row:
    task, folder = order.pop("task"), Path(order.pop("folder"))
    return {"land": _land, "analysis": _analysis, "pandas": _pandas}[task](folder, **order)


def _seconds(rows: dict[str, Row], name: str) -> float:
    return float(sum(one["seconds"] for key, one in rows.items() if name in (key, "all")))


def main(arguments: list[str]) -> None:
    """Print what was asked for."""
    from cafe24_pipelines.crm.analysis import analyses

    parser = argparse.ArgumentParser(prog="python -m benchmarks.analytics", description=__doc__)
    parser.add_argument("measure", choices=("scale", "pandas", "child"))
    parser.add_argument("order", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--lines", default="")
    parser.add_argument("--only", default="", help="names of analyses, with commas between")
    given = parser.parse_args(arguments)
    sizes = tuple(int(one.replace("_", "")) for one in given.lines.split(",") if one)
    if given.measure == "child":
        print(json.dumps(_child(json.loads(given.order))))
    elif given.measure == "scale":
        names = [one for one in given.only.split(",") if one] or [one.name for one in analyses()]
        print(shown(scale(sizes or SIZES, names)))
    else:
        with tempfile.TemporaryDirectory(prefix="bench-analytics-") as folder:
            for row in against_pandas(Path(folder), sizes[0] if sizes else SIZES[1]):
                print(f"{row['name']}: {row['seconds']:.2f} s; {row['peer']}: {row['peer_seconds']:.2f} s; "
                      f"ratio {row['ratio']:.3f}; {row['note']}")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
