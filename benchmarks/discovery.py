"""Does discovery find nothing where nothing is, and what is there where it is? Simulated malls with a known truth.

`null`: malls in which nothing depends on anything (no effect, no trait: all members buy at one rate and never leave,
days, categories and assortment are flat). That flatness is what the detectors' nulls say; a published benchmark is no
exception, since such a finding also has to beat what chance gives at the mall's own rates, and there it doesn't. So
every confirmed pattern counts. `half`: a random half of all effects and traits acts; a confirmed pattern that none of
them shows as (`discovery_truths.py`) is false. `power`: an ordinary mall's traits with one effect at several sizes.
`coverage`: rounds of direct simulation for every construction of an interval.

Run: `python -m benchmarks.discovery null|half|power|coverage [--malls N] [--customers N] [--jobs N] [--profile]`.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.discovery_malls import Judged, MallTask, judged_malls

ORDINARY: Final = 2400
"""Members of the sandbox mall at its default size."""

POWER_SIZES: Final = {
    "late_delivery_churn": (0.1, 0.2, 0.3, 0.45, 0.6),
    "gateway_product": (0.06, 0.12, 0.20, 0.28, 0.38),
    "co_purchase_pair": (0.02, 0.05, 0.10, 0.20, 0.45),
    "winback_coupon": (0.03, 0.06, 0.10, 0.15, 0.22),
}
"""Strengths tried; the names in words and the detectors come from `POWER_NAMES`."""

POWER_NAMES: Final = {
    "late_delivery_churn": ("late delivery: chance to leave", ("churn_signals", "delivery_delay")),
    "gateway_product": ("gateway: fewer one-time buyers", ("churn_signals", "gateway_products")),
    "co_purchase_pair": ("pair: share of baskets", ("co_purchase", "relationship_complexity")),
    "winback_coupon": ("coupon: chance to come back", ("coupon_effect",)),
}
UNSEEN: Final = 30
"""Findings of detectors that are not run for a power curve, taken as p = 1: about as many as a whole run has."""


@dataclass(frozen=True)
class How:
    """How malls are run: how many at a time, from which seed, where judged ones are kept, and who hears of each."""

    jobs: int = 1
    seed: int = 1
    keep: Path | None = None
    tell: Callable[[Judged], None] = lambda _: None

    def judged(self, tasks: Sequence[MallTask]) -> list[Judged]:
        """The malls, judged."""
        return judged_malls(tasks, jobs=self.jobs, keep=self.keep, tell=self.tell)


@dataclass(frozen=True)
class NullResult:
    """Malls with a confirmed pattern among malls without anything."""

    malls: int
    hit: int
    p: float
    fired: Counter[str]
    judged: tuple[Judged, ...]


def null_malls(malls: int, customers: int, how: How) -> NullResult:
    """Judge malls in which nothing is to be found; p is of "a mall confirms something in 5 % of cases, or less"."""
    from scipy.stats import binomtest

    done = how.judged([MallTask(how.seed + k, customers) for k in range(malls)])
    hit = sum(bool(j.confirmed) for j in done)
    fired = Counter(s.subject.split("/")[0] for j in done for s in j.confirmed)
    return NullResult(
        malls, hit, float(binomtest(hit, malls, 0.05, alternative="greater").pvalue), fired, tuple(done)
    )


def most_hits(malls: int, level: float = 0.01) -> int:
    """The largest count of malls with a confirmed pattern that does not reject 5 % at the level."""
    from scipy.stats import binom

    return int(binom.ppf(1 - level, malls, 0.05))


@dataclass(frozen=True)
class HalfResult:
    """False-discovery proportions of malls in which half of everything acts (0 where nothing is confirmed)."""

    proportions: tuple[float, ...]
    false: Counter[str]
    seen: dict[str, tuple[int, int]]  # by truth: malls that show it to its detector, malls in which it acts
    judged: tuple[Judged, ...]

    @property
    def mean(self) -> float:
        """The mean false-discovery proportion."""
        return sum(self.proportions) / max(len(self.proportions), 1)


def half_of_everything(seed: int) -> frozenset[str]:
    """A random half of all effects and traits."""
    import numpy as np

    from cafe24_pipelines.sandbox import truth

    names = sorted(truth.ACTING)
    chosen = np.random.default_rng([seed, 77]).permutation(len(names))[: len(names) // 2]
    return frozenset(names[k] for k in chosen)


def half_malls(malls: int, customers: int, how: How) -> HalfResult:
    """Judge malls in which a random half of everything acts."""
    from benchmarks.discovery_truths import explained, shows
    from cafe24_pipelines.sandbox import truth

    seeds = range(how.seed, how.seed + malls)
    done = how.judged([MallTask(seed, customers, half_of_everything(seed)) for seed in seeds])
    proportions, false = [], Counter[str]()
    for j in done:
        wrong = [s.subject for s in j.confirmed if not explained(s.subject, j.task.planted or ())]
        false.update(wrong)
        proportions.append(len(wrong) / max(len(j.confirmed), 1))
    seen = {}
    for name in sorted(truth.ACTING):
        there = [j for j in done if name in (j.task.planted or ())]
        seen[name] = (sum(any(shows(s.subject, name, direct=True) for s in j.confirmed) for j in there), len(there))
    return HalfResult(tuple(proportions), false, seen, tuple(done))


@dataclass(frozen=True)
class PowerPoint:
    """How many malls of a size confirm an effect of a strength."""

    effect: str
    strength: float
    confirmed: int
    malls: int


def power_points(
    malls: int, customers: int, how: How, effects: Sequence[str] = tuple(POWER_SIZES)
) -> list[PowerPoint]:
    """For every effect and strength, malls that confirm it, among malls that have an ordinary mall's traits."""
    from benchmarks.discovery_truths import shows
    from cafe24_pipelines.sandbox import truth

    traits, points = frozenset(truth.TRAITS), []
    for effect in effects:
        k = list(POWER_SIZES).index(effect)
        for strength in POWER_SIZES[effect]:
            tasks = [
                MallTask(
                    how.seed + 1000 * k + i, customers, traits | {effect}, ((effect, strength),),
                    POWER_NAMES[effect][1], UNSEEN,
                )
                for i in range(malls)
            ]  # fmt: skip
            done = how.judged(tasks)
            hit = sum(any(shows(s.subject, effect, direct=True) for s in j.confirmed) for j in done)
            points.append(PowerPoint(effect, strength, hit, malls))
    return points


# -- what is printed and written ---------------------------------------------------------------------------------


def _how(options: argparse.Namespace) -> How:
    return How(options.jobs, options.seed, Path(options.keep) if options.keep else None, _tell)


def _tell(judged: Judged) -> None:
    said = ", ".join(f"{s.subject} (p={s.p:.2g}, {s.value:.3g} against {s.null[0]:.3g})" for s in judged.confirmed)
    print(f"mall {judged.task.seed}: {said or 'nothing'}{' FAILED ' + str(judged.failed) if judged.failed else ''}")
    sys.stdout.flush()


def _profile(judged: Sequence[Judged]) -> None:
    names = sorted({name for j in judged for name in j.seconds})
    rows = [(sum(j.seconds.get(n, 0.0) for j in judged) / max(len(judged), 1), n) for n in names]
    print("\nCPU seconds a mall:")
    for seconds, name in sorted(rows, reverse=True):
        print(f"  {seconds:7.2f}  {name}")
    print(f"  {sum(s for s, _ in rows):7.2f}  in all")


def _null(options: argparse.Namespace) -> None:
    result = null_malls(options.malls, options.customers, _how(options))
    print(
        f"\n{result.hit} of {result.malls} malls without any effect show a confirmed pattern; exact binomial test of "
        f"5 %: p = {result.p:.3f}; at most {most_hits(result.malls)} allowed: "
        f"{'holds' if result.hit <= most_hits(result.malls) else 'BROKEN'}"
    )
    print("\n| detector | malls run with data | findings | p <= 0.05 | confirmed |\n|---|---|---|---|---|")
    for name, (malls, findings, low) in sorted(_rates(result.judged).items()):
        print(f"| {name} | {malls} | {findings} | {low / max(findings, 1):.1%} | {result.fired[name]} |")
    if options.profile:
        _profile(result.judged)


def _rates(judged: Sequence[Judged]) -> dict[str, tuple[int, int, int]]:
    """By detector: malls it had data in, its findings, and those with a small p."""
    from cafe24_pipelines.discovery.registry import detectors

    out = {}
    for d in detectors():
        mine = [[s for s in j.said if s.subject.startswith(f"{d.name}/")] for j in judged]
        flat = [s for one in mine for s in one]
        out[d.name] = (sum(map(bool, mine)), len(flat), sum(s.p <= 0.05 for s in flat))
    return out


def _half(options: argparse.Namespace) -> None:
    result = half_malls(options.malls, options.customers, _how(options))
    confirmed = sum(len(j.confirmed) for j in result.judged)
    print(
        f"\nmean false-discovery proportion of {options.malls} half-planted malls: {result.mean:.2%} "
        f"({sum(result.false.values())} of {confirmed} confirmed patterns); at most 5 %: "
        f"{'holds' if result.mean <= 0.05 else 'BROKEN'}"
    )
    for subject, count in result.false.most_common():
        print(f"  false: {subject} x {count}")
    print("\n| truth | acts in | shown by its detector |\n|---|---|---|")
    for name, (seen, there) in result.seen.items():
        print(f"| {name} | {there} | {seen} |")
    if options.profile:
        _profile(result.judged)


def _power(options: argparse.Namespace) -> None:
    points = power_points(options.malls, options.customers, _how(options), options.effects or [*POWER_SIZES])
    table = power_table(points, options.customers)
    print(table)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "power.svg").write_text(power_chart(points, options.customers), encoding="utf-8")
    (folder / "power.md").write_text(table, encoding="utf-8")


def power_table(points: Sequence[PowerPoint], customers: int) -> str:
    """The points as a Markdown table, with the strength at which power reaches 0.9."""
    from cafe24_pipelines.discovery.statistics import wilson

    lines = [
        f"Malls of {customers:,} members; an effect counts as found when one of its own detectors confirms it.", "",
        "| effect | strength | confirmed | power | 95 % interval |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for p in points:
        share = wilson(p.confirmed, p.malls)
        lines.append(
            f"| {POWER_NAMES[p.effect][0]} | {p.strength:g} | {p.confirmed} of {p.malls} | {share.value:.2f} "
            f"| {share.low:.2f} to {share.high:.2f} |"
        )
    lines.append("")
    for effect in dict.fromkeys(p.effect for p in points):
        reached = reached_at([p for p in points if p.effect == effect])
        where = "is not reached at the strengths tried" if reached is None else f"is reached at {reached:.2g}"
        lines.append(f"- {POWER_NAMES[effect][0]}: power 0.9 {where}.")
    return "\n".join(lines) + "\n"


def reached_at(points: Sequence[PowerPoint], power: float = 0.9) -> float | None:
    """The smallest strength from which on every point has that power, on a straight line from the one before."""
    shares = [(p.strength, p.confirmed / p.malls) for p in sorted(points, key=lambda p: p.strength)]
    low = next((k for k in range(len(shares)) if all(s >= power for _, s in shares[k:])), None)
    if low is None:
        return None
    if low == 0:
        return shares[0][0]
    (x0, y0), (x1, y1) = shares[low - 1], shares[low]
    return x0 + (power - y0) / (y1 - y0) * (x1 - x0)


def power_chart(points: Sequence[PowerPoint], customers: int) -> str:
    """Power over strength, one curve an effect, each with its interval, as SVG."""
    from cafe24_pipelines.crm.charts import Line, curves
    from cafe24_pipelines.discovery.statistics import wilson

    lines = []
    for effect in dict.fromkeys(p.effect for p in points):
        mine = sorted((p for p in points if p.effect == effect), key=lambda p: p.strength)
        shares = [wilson(p.confirmed, p.malls) for p in mine]
        lines.append(
            Line(
                POWER_NAMES[effect][0], [p.strength for p in mine], [s.value for s in shares],
                [s.low for s in shares], [s.high for s in shares],
            )
        )  # fmt: skip
    title = f"Power at {customers:,} members"
    return curves(lines, title=title, x="strength of the effect", y="share of malls", marks=(0.9,))


def _coverage(options: argparse.Namespace) -> None:
    from benchmarks.discovery_coverage import coverage_table, covered

    print(coverage_table(covered(options.rounds, seed=options.seed)))


def main() -> None:
    """Run one of the four simulations and print what it found."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.discovery", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("what", choices=("null", "half", "power", "coverage"))
    parser.add_argument("--malls", type=int, default=20, help="malls (of each strength, for power)")
    parser.add_argument("--customers", type=int, help="members of a mall (600; for power the ordinary mall's)")
    parser.add_argument("--jobs", type=int, default=1, help="malls judged at a time")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first mall")
    parser.add_argument("--rounds", type=int, default=500, help="rounds of coverage")
    parser.add_argument("--effects", nargs="*", choices=[*POWER_SIZES], help="effects of the power curves")
    parser.add_argument("--keep", help="file of judged malls: a run that is broken off goes on from there")
    parser.add_argument("--out", default="docs/evidence", help="folder for the power curve and its table")
    parser.add_argument("--profile", action="store_true", help="print CPU seconds a mall by detector")
    options = parser.parse_args()
    options.customers = options.customers or (ORDINARY if options.what == "power" else 600)
    {"null": _null, "half": _half, "power": _power, "coverage": _coverage}[options.what](options)


if __name__ == "__main__":
    main()
