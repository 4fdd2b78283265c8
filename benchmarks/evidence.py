"""What the analyses are worth on a public shop: `python -m benchmarks.evidence` writes `docs/evidence.md`.

UCI Online Retail, landed as any CSV shop is, judged on its own later days against named baselines, with intervals;
then the patterns that discovery confirms in it. Plots are SVG files beside the page. Nothing on the page is typed.
Does not belong here: what is compared (see `evidence_parts.py`), or time (see the other benchmarks).
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.evidence_parts import PARTS, Part, Row, discovered

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.discovery.patterns import Pattern
    from cafe24_pipelines.discovery.statistics import Estimate
    from cafe24_pipelines.stores.lake import MallLake

ROOT = Path(__file__).parents[1]
MAPPING = ROOT / "examples" / "online_retail" / "mapping.yaml"
PLOTS = "evidence"
KEY = "the members of this public data set are numbers"
POWER = "power.svg"  # `benchmarks.discovery power` draws it
STATUS = {"confirmed": "confirmed", "tentative": "tentative", "insufficient_data": "lacking data"}


def main(arguments: list[str]) -> None:
    """Land the data in a temporary home, run everything, write the page and its plots."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("CAFE24_TEST_DATA"), help="folder with online_retail.csv.gz")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the page (default: docs)")
    parser.add_argument("--no-discovery", action="store_true", help="leave out discovery, which takes the longest")
    given = parser.parse_args(arguments)
    if not given.data:
        parser.error("name the folder that holds online_retail.csv.gz: --data DIR, or CAFE24_TEST_DATA")
    with tempfile.TemporaryDirectory() as home:
        lake, mall = landed(Path(home), str(given.data))
        parts = []
        for judged in PARTS:
            parts.append(judged(lake, mall))
            print(parts[-1].title, file=sys.stderr)
        patterns = None if given.no_discovery else discovered(lake, mall, Path(home) / "graph")
        page = written(parts, patterns, shop(lake, mall))
    plots = given.out / PLOTS
    plots.mkdir(parents=True, exist_ok=True)
    for old in plots.glob("*.svg"):
        if old.name != POWER:
            old.unlink()
    for part in parts:
        for name, svg in part.charts.items():
            (plots / f"{name}.svg").write_text(svg, encoding="utf-8")
    (given.out / "evidence.md").write_text(page, encoding="utf-8")


def landed(home: Path, data: str) -> "tuple[MallLake, Mall]":
    """Online Retail in a lake of its own, through the example's mapping."""
    from cafe24_pipelines.cafe24.landing import land_shop
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.settings import Home, Settings
    from cafe24_pipelines.stores.lake import Lake

    mall = Mall("online-retail", "csv", data, str(MAPPING), "Europe/London", "GBP")
    lake = Lake(Home(home).lake).mall(mall.mall_id)
    # A key that stands: members sort by their hash, and with another order the same seed draws other members.
    land_shop(mall, lake, Settings(home=Home(home), encryption_key=KEY))
    return lake, mall


def shop(lake: "MallLake", mall: "Mall") -> str:
    """What the shop is, in one sentence."""
    [row] = lake.query(
        """SELECT count(*) AS orders, count(*) FILTER (is_sale) AS sales,
                  count(DISTINCT member_key) FILTER (is_sale) AS members,
                  (SELECT count(*) FROM order_items) AS lines,
                  min(ordered_local)::DATE AS first, max(ordered_local)::DATE AS last FROM order_facts""",
        zone=mall.time_zone,
    ).to_pylist()
    return (
        f"UCI Online Retail: {row['lines']:,} order lines, {row['orders']:,} orders ({row['sales']:,} sales), "
        f"{row['members']:,} members who bought, {row['first']} to {row['last']}."
    )


# -- the page -----------------------------------------------------------------------------------------------------

_HEAD = """# Evidence on a real shop

{shop}

Made by `python -m benchmarks.evidence --data DIR` (`DIR` holds `online_retail.csv.gz`, see
[examples/online_retail](../examples/online_retail/README.md)); every figure and plot is written by that run.
Each analysis is fitted on earlier days and judged on later ones that it has not seen. Intervals are 95 % bootstraps
over members; a difference is paired: both methods on the same members. A difference whose interval holds 0 is no
difference. **Bold**: the method in use; the notes say when it was chosen.

## Hold-outs

| analysis | measure | method | value (95 %) | less the baseline (95 %) |
|---|---|---|---|---|
"""

_DISCOVERY = """
## Discovery

One run of all detectors: {counts}. Confirmed means q <= 0.05 over the
whole run, an interval beyond the null, the same direction in both halves of the period, and no objection (see
[patterns.md](patterns.md)). Titles are as a merchant reads them.

| confirmed pattern | detector | effect | value (95 %) | q | n |
|---|---|---|---|---|---|
"""


def written(parts: list[Part], patterns: "list[Pattern] | None", about: str) -> str:
    """The page as Markdown; without patterns it has no section on discovery."""
    rows = [_row(part, row) for part in parts for row in part.rows]
    notes = [f"- {note}" for part in parts for note in part.notes]
    plots = [
        f"![{part.title}: {name.replace('-', ' ')}]({PLOTS}/{name}.svg)" for part in parts for name in part.charts
    ]
    page = [_HEAD.format(shop=about), "\n".join(rows), "\n\n", "\n".join(notes), "\n\n## Plots\n\n", "\n".join(plots)]
    return "".join([*page, "\n", _discovery(patterns) if patterns is not None else ""])


def _discovery(patterns: "list[Pattern]") -> str:
    found = sorted((p for p in patterns if p.status == "confirmed"), key=lambda p: (p.detector, p.id))
    tally = [f"{sum(p.status == status for p in patterns)} {name}" for status, name in STATUS.items()]
    return _DISCOVERY.format(counts=", ".join(tally)) + "\n".join(_pattern(p) for p in found) + "\n"


def _row(part: Part, row: Row) -> str:
    method = f"**{row.method}**" if row.used else row.method
    method += " (baseline)" if row.baseline else ""
    less = "<br>".join(f"{base}: {_estimate(one, signed=True)}" for base, one in row.less.items())
    return f"| {part.title} | {row.measure} | {method} | {_estimate(row.value)} | {less} |"


def _estimate(one: "Estimate", *, signed: bool = False) -> str:
    form = "{:+.4g}" if signed else "{:.4g}"
    return f"{form.format(one.value)} ({form.format(one.low)} to {form.format(one.high)})"


def _pattern(one: "Pattern") -> str:
    effect = one.effect
    value = f"{effect.value:.4g} ({effect.ci_low:.4g} to {effect.ci_high:.4g})"
    title = one.title.replace("|", "\\|")
    return f"| {title} | `{one.detector}` | {effect.name} | {value} | {one.q:.2g} | {one.n:,} |"


if __name__ == "__main__":
    main(sys.argv[1:])
