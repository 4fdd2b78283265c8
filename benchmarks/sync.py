"""The sync against what bounds it: the calls the API allows, plain httpx + json.loads, and memory that stays flat.

Everything is real: the sandbox server in a process of its own, and client, limiter, engine, privacy line and record
store in another. Run all with `python -m benchmarks.sync`, or some: `python -m benchmarks.sync calls rate memory`.
Numbers after `memory` are the sizes to measure: `python -m benchmarks.sync memory 10000 100000`.
Does not belong here: how the processes are started and what they report (`sync_parts.py`).
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.sync_parts import built, synced

ORDERS = 100_000
SPEED = 1.0
"""Seconds of both clocks in a real one: calls are measured at the true one."""
ONE_SYNC = (
    "customers_privacy", "orders", "refunds", "products", "categories", "coupons", "coupon_issues", "boards",
    "articles", "credits",
)  # fmt: skip
"""One run of the engine, several resources side by side, as always. Left out: points, whose calls alone (a hundred
rows each) would take 22 minutes at the same rate, and lists of which a run reads so many anyway."""
LATENCY = 0.3
"""Seconds that an answer takes, beside the time that the sandbox needs to make it."""
PER_SECOND = 9
"""Calls of a mall that the API allows in any second: fewer than ten."""
LARGE = ("orders", "refunds")
"""What has by far the most bytes."""
SIZES = (10_000, 100_000, 1_000_000)
FLAT = 1.3
"""How much more memory the largest mall may take than the smallest."""
ROUNDS = 2


def run() -> list[dict[str, Any]]:
    """Rows of all three; those of calls and memory are in the units that their names say."""
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as folder:
        return [row for measure in MEASURES.values() for row in measure(Path(folder))]


def calls(folder: Path) -> list[dict[str, Any]]:
    """Calls made against calls allowed, in one first sync, by the API that has the most."""
    found = synced(
        built(folder, ORDERS), steps=[ONE_SYNC], speed=SPEED, limited=True, latency_ms=1000 * LATENCY / SPEED
    )
    api = max(found.starts, key=lambda name: len(found.starts[name]))
    times = found.starts[api]
    allowed = found.sizes[api] + 2 * (times[-1] - times[0])
    busy = [t for starts in found.starts.values() for t in starts if times[0] <= t <= times[-1]]
    mall = PER_SECOND * (1 + times[-1] - times[0])
    state = found.state
    note = (
        f"goal at least 0.98; one sync without points, clock x{SPEED:g}, answers after {LATENCY:g} s; "
        f"{state['given_429']} times 429; busiest second {state['busiest_second']}; this API was called for "
        f"{_seconds(times)} of {found.clock_seconds:,.0f} s"
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
    """Peak memory of the process that syncs: the largest mall against the smallest, all sizes in the note."""
    found = [synced(built(folder, size), steps=[LARGE]) for size in sizes]
    least, most = found[0], found[-1]
    told = "; ".join(
        f"{one.orders:,}: {one.peak:,.0f} MB, {one.seconds:,.0f} s, {one.calls:,} calls" for one in found
    )
    row = _row(f"peak MB, sync of {most.orders:,} orders", most.peak, f"MB at {least.orders:,}", least.peak,
               f"goal below {FLAT:.2f}x; {told}")  # fmt: skip
    return [{**row, "sizes": [(one.orders, one.peak, one.seconds, one.calls) for one in found]}]


MEASURES: dict[str, Callable[[Path], list[dict[str, Any]]]] = {"calls": calls, "rate": rate, "memory": memory}


def _row(name: str, ours: float, peer: str, theirs: float, note: str) -> dict[str, Any]:
    return {
        "name": name, "seconds": ours, "peer": peer, "peer_seconds": theirs, "ratio": ours / theirs, "note": note,
    }  # fmt: skip


def _seconds(times: list[float]) -> str:
    return f"{times[-1] - times[0]:,.0f}"


def _by_size(row: dict[str, Any]) -> str:
    """The sizes of `memory` side by side, for a reader."""
    sizes, least = row["sizes"], row["sizes"][0][1]
    lines = [
        ("orders", [f"{orders:,}" for orders, *_ in sizes]),
        ("peak MB of the syncing process", [f"{peak:,.0f}" for _, peak, *_ in sizes]),
        ("against the smallest", [f"{peak / least:.2f}x" for _, peak, *_ in sizes]),
        ("seconds", [f"{seconds:,.0f}" for *_, seconds, _ in sizes]),
        ("calls", [f"{calls:,}" for *_, calls in sizes]),
    ]
    body = "\n".join(f"{name:<32}" + "".join(f"{value:>14}" for value in values) for name, values in lines)
    return f"{body}\nlargest / smallest: {row['ratio']:.2f}x (flat: below {FLAT:.2f}x)"


def main(arguments: list[str]) -> None:
    """Print what was asked for, all when nothing was."""
    sizes = tuple(int(one) for one in arguments if one.isdigit()) or SIZES
    names = [one for one in arguments if not one.isdigit()]
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as folder:
        for name in names or MEASURES:
            rows = memory(Path(folder), sizes) if name == "memory" else MEASURES[name](Path(folder))
            for row in rows:
                if "sizes" in row:
                    print(_by_size(row), flush=True)
                    continue
                print(f"{row['name']}: {row['seconds']:,.2f}; {row['peer']}: {row['peer_seconds']:,.2f}; "
                      f"ratio {row['ratio']:.3f}; {row['note']}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
