"""The sync against what bounds it: the calls the API allows, plain httpx + json.loads, and memory that stays flat.

Everything is real: the sandbox server in a process of its own, and client, limiter, engine, privacy line and record
store in another. Run all with `python -m benchmarks.sync`, or some: `python -m benchmarks.sync calls rate memory`.
Does not belong here: how the processes are started and what they report (`sync_parts.py`).
"""

import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.sync_parts import built, synced

ORDERS = 100_000
SPEED = 2.0
"""Seconds of both clocks in a real one: a delay of 10 ms, as threads have on a busy machine, counts as 20."""
STEPS = (
    ("orders", "refunds"),
    ("points", "credits", "products", "categories", "coupons", "coupon_issues", "boards", "articles"),
)
"""Two runs: while the sandbox makes full pages of orders its one process keeps other calls waiting for a tenth of a
second and counts them when it gets to them, which no mall does."""
SINCE = 260
"""Days that the second reads: all points of the mall would take the fast clock 12 minutes, the same every second."""
LATENCY = 0.3
"""Seconds of the mall's clock that an answer takes, beside the time that the sandbox needs to make it."""
PER_SECOND = 9
"""Calls of a mall that the API allows in any second: fewer than ten."""
LARGE = ("orders", "refunds")
"""What has by far the most bytes."""
SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 2


def run() -> list[dict[str, Any]]:
    """Rows of all three; those of calls and memory are in the units that their names say."""
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as folder:
        return [row for measure in MEASURES.values() for row in measure(Path(folder))]


def calls(folder: Path) -> list[dict[str, Any]]:
    """Calls made against calls allowed, in a first sync, by the API that has the most."""
    found = synced(
        built(folder, ORDERS), steps=STEPS, since=SINCE, speed=SPEED, limited=True, latency_ms=1000 * LATENCY / SPEED,
    )  # fmt: skip
    api = max(found.starts, key=lambda name: len(found.starts[name]))
    times = found.starts[api]
    allowed = found.sizes[api] + 2 * (times[-1] - times[0])
    busy = [t for starts in found.starts.values() for t in starts if times[0] <= t <= times[-1]]
    mall = PER_SECOND * (1 + times[-1] - times[0])
    state = found.state
    note = (
        f"goal at least 0.98; {state['given_429']} times 429; busiest second {state['busiest_second']}; clocks x"
        f"{SPEED:g}, answers after {LATENCY:g} s; {_seconds(times)} of {found.clock_seconds:,.0f} s"
    )
    made = f"calls of {api} in a sync of {found.orders:,} orders"
    return [
        _row(made, len(times), "bucket + 2 a second", allowed, note),
        _row("calls of the mall meanwhile", len(busy), "9 a second", mall,
             "not what binds: few resources are long"),
    ]  # fmt: skip


def rate(folder: Path) -> list[dict[str, Any]]:
    """Landing orders against downloading and decoding the same pages; no limiter on either side. Best of rounds."""
    mall = built(folder, ORDERS)
    rounds = [synced(mall, steps=[["orders"]], floor=True) for _ in range(ROUNDS)]
    orders = rounds[0].orders
    ours = min(one.seconds for one in rounds)
    rows = []
    for what, theirs in (
        ("sequential", min(one.sequential for one in rounds)), ("same threads", min(one.threaded for one in rounds)),
    ):  # fmt: skip
        note = f"{orders / ours:,.0f} against {orders / theirs:,.0f} orders a second"
        rows.append(_row(f"land {orders:,} orders", ours, f"httpx + json.loads, {what}", theirs, note))
    ours, theirs = min(one.worked for one in rounds), min(one.floor_worked for one in rounds)
    note = "the sandbox's own work left out"
    rows.append(_row(f"processor seconds for {orders:,} orders", ours, "httpx + json.loads", theirs, note))
    return rows


def memory(folder: Path, sizes: tuple[int, ...] = SIZES) -> list[dict[str, Any]]:
    """Peak memory of the process that syncs, by the mall's size, against that at the smallest."""
    rows: list[dict[str, Any]] = []
    least = math.nan
    for size in sizes:
        found = synced(built(folder, size), steps=[LARGE])
        least = found.peak if not rows else least
        note = f"goal below 1.30x; {found.seconds:,.0f} s, {found.calls:,} calls"
        rows.append(_row(f"peak MB, sync of {found.orders:,} orders", found.peak, f"MB at {sizes[0]:,}", least, note))
    return rows


MEASURES: dict[str, Callable[[Path], list[dict[str, Any]]]] = {"calls": calls, "rate": rate, "memory": memory}


def _row(name: str, ours: float, peer: str, theirs: float, note: str) -> dict[str, Any]:
    return {
        "name": name, "seconds": ours, "peer": peer, "peer_seconds": theirs, "ratio": ours / theirs, "note": note,
    }  # fmt: skip


def _seconds(times: list[float]) -> str:
    return f"{times[-1] - times[0]:,.0f}"


def main(names: list[str]) -> None:
    """Print what was asked for, all when nothing was."""
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as folder:
        for name in names or MEASURES:
            for row in MEASURES[name](Path(folder)):
                print(f"{row['name']}: {row['seconds']:,.2f}; {row['peer']}: {row['peer_seconds']:,.2f}; "
                      f"ratio {row['ratio']:.3f}; {row['note']}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
