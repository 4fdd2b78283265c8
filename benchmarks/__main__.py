"""Run every benchmark and print one table of ratios: `python -m benchmarks [name …]`.

Each benchmark measures ours and a named peer or floor in the same run. A ratio is what to compare between
machines; seconds are not.
"""

import importlib
import sys

from rich.console import Console
from rich.table import Table

NAMES = ("import_cost", "chain", "landing", "sync", "graph", "vectors", "clv", "analytics", "retrieval", "serving")


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    table = Table(title="cafe24-pipelines benchmarks")
    for column in ("benchmark", "ours (s)", "against", "theirs (s)", "ratio", "note"):
        table.add_column(column, justify="right" if "(s)" in column or column == "ratio" else "left")
    for name in names or NAMES:
        for row in importlib.import_module(f"benchmarks.{name}").run():
            table.add_row(
                row["name"],
                f"{row['seconds']:.2f}",
                row["peer"],
                f"{row['peer_seconds']:.2f}",
                f"{row['ratio']:.2f}x",
                row.get("note", ""),
            )
    Console(width=150).print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
