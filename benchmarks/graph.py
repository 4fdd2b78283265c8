"""The graph in a real Neo4j: loads against the bare driver and against neo4j-graphrag, and cost a row as malls grow.

`python -m benchmarks.graph [load] [--orders N] [--small N] [--rounds N]` compares loads of the same rows. Each
contestant gets a server of its own for every round, like the others', warmed by its own loads of a small other mall
that are wiped again; rounds go there and back, and medians count. `python -m benchmarks.graph flat [--orders A,B,C]`
takes malls of several sizes from lake to published graph and questions the graph.
Does not belong here: what a contestant does (`graph_parts.py`), or servers (`rival_neo4j/`).
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.graph_parts import ASKED, Content, Data, Figures, bare, loaded, ours, rival, warm_ours
from benchmarks.large_mall import large_mall
from benchmarks.rival_neo4j.rival import version
from benchmarks.rival_neo4j.servers import AUTH, missing, server

ORDERS, SMALL, ROUNDS = 20_000, 4_000, 2
"""`SMALL` orders are what the peer is given: it would take minutes for all."""
SIZES: Final = (10_000, 100_000, 1_000_000)
HEAP, PAGE_CACHE = "4g", 3072
"""Of the server for `flat`, at every size: enough for the largest."""
FLAT: Final = 1.2
Row = dict[str, Any]


def run() -> list[Row]:
    """Rows of `load`; none where no server can run."""
    if lacking := missing():
        print(f"graph: no {' and no '.join(lacking)}: install a Java 17 runtime and Maven", file=sys.stderr)
        return []
    return load()


def load(orders: int = ORDERS, small: int = SMALL, rounds: int = ROUNDS) -> list[Row]:
    """Loads of the same rows by us, by the bare driver and by neo4j-graphrag's writer; see `Data` for the malls."""
    data = Data.made(orders, min(small, orders))
    found: dict[str, list[dict[str, float]]] = {"ours": [], "bare": [], "rival": []}
    for turn in range(rounds):
        names = list(found)
        for name in names if turn % 2 == 0 else reversed(names):
            with server(apoc=name == "rival") as uri:
                if name == "ours":
                    found[name].append(ours(uri, data, changes=turn == 0))
                else:
                    found[name].append((bare if name == "bare" else rival)(uri, data))
    medians = {
        name: {key: statistics.median(turn[key] for turn in turns if key in turn) for key in turns[0]}
        for name, turns in found.items()
    }
    return [*_against_peers(data, medians), *_loaded_again(data.full, medians["ours"])]


def flat(sizes: tuple[int, ...] = SIZES, heap: str = HEAP, page_cache_mb: int = PAGE_CACHE) -> list[Row]:
    """Seconds a row and memory of projecting and loading malls of these sizes; the last against the first."""
    found = []
    for orders in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-graph-") as folder:
            lake = Path(folder) / "lake"
            _land(lake, "large", orders)
            with server(heap=heap, page_cache_mb=page_cache_mb) as uri:
                warm_ours(uri, Content.warm(), schema=False)  # else making it would weigh on the smallest alone
                found.append(loaded(lake, "large", server=(uri, *AUTH)))
        print(_told(found[-1]), file=sys.stderr, flush=True)
    least, most = found[0], found[-1]
    pairs = {
        "µs a row, lake to published graph": [1e6 * one.seconds / one.rows for one in (most, least)],
        "µs a row, writing alone": [1e6 * (one.seconds - one.projecting) / one.rows for one in (most, least)],
        "peak MB of our process": [most.peak, least.peak],
    }
    rows = [
        _row(f"{name}, {most.orders:,} orders", mine, f"at {least.orders:,}", theirs, f"goal at most {FLAT}x")
        for name, (mine, theirs) in pairs.items()
    ]
    rows[-1]["note"], rows[0]["sizes"] = "", found
    return rows


# -- inside --------------------------------------------------------------------------------------------------


def _against_peers(data: Data, medians: dict[str, dict[str, float]]) -> list[Row]:
    """The first load of all, and of the peer's size."""
    mine, ceiling, peer = medians["ours"], medians["bare"], medians["rival"]
    rows = []
    for size, content, name, theirs, goal in (
        ("full", data.full, "bare driver, UNWIND … CREATE", ceiling["full"], "at most 2x"),
        ("small", data.small, "bare driver, UNWIND … CREATE", ceiling["small"], "at most 2x"),
        ("small", data.small, f"{version()}, Neo4jWriter", peer["small"], "at most 0.2x"),
    ):
        note = (
            f"goal {goal}; rows a second: {content.rows / mine[size]:,.0f} against {content.rows / theirs:,.0f}; "
            f"a mall of {content.orders:,} orders"
        )
        rows.append(_row(f"first load of {content.rows:,} rows", mine[size], name, theirs, note))
    return rows


def _loaded_again(content: Content, mine: dict[str, float]) -> list[Row]:
    """What comes after the first load, against it."""
    first = f"first load of {content.rows:,} rows"
    told = {
        "another build": ("same content, another build", "goal at most 0.05x; wrote nothing"),
        "same build": ("same build", "wrote nothing"),
        "first change": ("first change", f"fills the second copy: {mine['rows first change']:,.0f} rows"),
        "change": (
            "1 % of orders returned",
            f"{mine['rows change']:,.0f} rows, also those of the change before, which this copy lacked",
        ),
    }
    return [_row(name, mine[key], first, mine["full"], note) for key, (name, note) in told.items()]


def _row(name: str, mine: float, peer: str, theirs: float, note: str) -> Row:
    return {
        "name": name, "seconds": mine, "peer": peer, "peer_seconds": theirs, "ratio": mine / theirs, "note": note,
    }  # fmt: skip


def _land(root: Path, mall_id: str, orders: int) -> None:
    from cafe24_pipelines.stores.lake import Lake

    large_mall(Lake(root).mall(mall_id), orders)


def _told(one: Figures) -> str:
    """One size, while the others are still to come."""
    return (
        f"{one.orders:,} orders: {one.nodes:,} nodes, {one.relationships:,} relationships, {one.seconds:,.1f} s "
        f"({one.projecting:,.1f} s projecting), {one.peak:,.0f} MB; again {one.again:,.1f} s, {one.rewritten} written"
    )


def _by_size(found: list[Figures]) -> str:
    """The sizes of `flat` side by side, for a reader."""
    least = found[0].seconds / found[0].rows
    lines = [
        ("orders", [f"{one.orders:,}" for one in found]),
        ("nodes", [f"{one.nodes:,}" for one in found]),
        ("relationships", [f"{one.relationships:,}" for one in found]),
        ("seconds", [f"{one.seconds:,.1f}" for one in found]),
        ("of them projecting", [f"{one.projecting:,.1f}" for one in found]),
        ("rows a second", [f"{one.rows / one.seconds:,.0f}" for one in found]),
        ("µs a row", [f"{1e6 * one.seconds / one.rows:,.1f}" for one in found]),
        ("against the smallest", [f"{one.seconds / one.rows / least:.2f}x" for one in found]),
        ("peak MB", [f"{one.peak:,.0f}" for one in found]),
        ("second load, same content (s)", [f"{one.again:,.1f}" for one in found]),
        ("rows it wrote", [f"{one.rewritten:,}" for one in found]),
        *((f"{name} (ms)", [f"{one.milliseconds[name]:,.1f}" for one in found]) for name in ASKED),
    ]
    return "\n".join(f"{name:<32}" + "".join(f"{value:>14}" for value in values) for name, values in lines)


def main(arguments: list[str]) -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graph", description=__doc__)
    parser.add_argument("measure", nargs="?", choices=("load", "flat"), default="load")
    parser.add_argument("--orders", help=f"of the mall (default {ORDERS}); for flat several, with commas between")
    parser.add_argument("--small", type=int, default=SMALL, help="orders of the mall that the peer is given")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--heap", default=HEAP, help="of the server for flat")
    parser.add_argument("--page-cache-mb", type=int, default=PAGE_CACHE, help="of the server for flat")
    given = parser.parse_args(arguments)
    if lacking := missing():
        raise SystemExit(f"no {' and no '.join(lacking)}: install a Java 17 runtime and Maven")
    sizes = tuple(int(one.replace("_", "")) for one in (given.orders or "").split(",") if one)
    if given.measure == "flat":
        rows = flat(sizes or SIZES, given.heap, given.page_cache_mb)
    else:
        rows = load(sizes[0] if sizes else ORDERS, given.small, given.rounds)
    for row in rows:
        if "sizes" in row:
            print(_by_size(row["sizes"]))
        print(f"{row['name']}: {row['seconds']:,.2f}; {row['peer']}: {row['peer_seconds']:,.2f}; "
              f"ratio {row['ratio']:.3f}; {row['note']}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
