"""Seeded sandbox malls with a chosen truth, each judged by every detector, several at a time.

A mall costs its generation, a lake in a temporary folder and the detectors; nothing stays. The graph is an empty one:
only some evidence rows come from it, no statistic. Does not belong here: what a finding may stand for
(`discovery_truths.py`).
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from cafe24_pipelines.discovery.registry import Detector, Findings
    from cafe24_pipelines.stores.graph import GraphStore
    from cafe24_pipelines.stores.lake import MallLake


@dataclass(frozen=True)
class MallTask:
    """One mall to judge.

    Attributes:
        planted: ids of effects and traits that act; None for the ordinary mall.
        sizes: strengths that differ from the default ones.
        only: names of the detectors to run; all when empty. The others then count as `unseen` findings with p = 1.
    """

    seed: int
    customers: int
    planted: frozenset[str] | None = frozenset()
    sizes: tuple[tuple[str, float], ...] = ()
    only: tuple[str, ...] = ()
    unseen: int = 0


@dataclass(frozen=True)
class Said:
    """What one finding said; `subject` is its detector's name, a slash, and what it is about."""

    subject: str
    status: str
    p: float
    q: float | None
    value: float
    null: tuple[float, float]
    n: int


@dataclass(frozen=True)
class Judged:
    """One mall's findings, the detectors that had too little data, those that failed, and CPU seconds by detector."""

    task: MallTask
    said: tuple[Said, ...]
    short: tuple[str, ...]
    failed: tuple[str, ...]
    seconds: dict[str, float]

    @property
    def confirmed(self) -> tuple[Said, ...]:
        """The findings that were confirmed."""
        return tuple(s for s in self.said if s.status == "confirmed")


class NoGraph:
    """A graph that holds nothing."""

    def query(
        self, mall_id: str, cypher: str, params: object = None, *, staged: bool = False
    ) -> list[dict[str, Any]]:
        """No rows, whatever is asked."""
        return []


def judged_malls(
    tasks: Iterable[MallTask],
    *,
    jobs: int = 1,
    keep: Path | None = None,
    tell: Callable[[Judged], None] = lambda _: None,
) -> list[Judged]:
    """Every mall judged, in the order of `tasks`, `jobs` at a time; `tell` hears of each as it is done.

    What is judged is written to `keep` line by line; a mall that stands there already is not judged again, so a long
    run can be done in parts (empty the file when a detector changes).
    """
    wanted = list(tasks)
    known = _kept(keep)
    for result in _mapped([t for t in wanted if t not in known], jobs):
        tell(result)
        known[result.task] = result
        if keep:
            with keep.open("a", encoding="utf-8") as f:
                f.write(json.dumps(_as_json(result), ensure_ascii=False) + "\n")
    return [known[t] for t in wanted]


def _as_json(judged: Judged) -> dict[str, Any]:
    planted = judged.task.planted
    return asdict(judged) | {"task": asdict(judged.task) | {"planted": None if planted is None else sorted(planted)}}


def _kept(keep: Path | None) -> dict[MallTask, Judged]:
    """What a file of judged malls holds, by mall."""
    known = {}
    for line in keep.read_text(encoding="utf-8").splitlines() if keep and keep.exists() else ():
        row = json.loads(line)
        t = row["task"]
        planted = None if t["planted"] is None else frozenset(t["planted"])
        sizes = tuple((str(name), float(size)) for name, size in t["sizes"])
        task = MallTask(t["seed"], t["customers"], planted, sizes, tuple(t["only"]), t["unseen"])
        said = tuple(Said(**(s | {"null": tuple(s["null"])})) for s in row["said"])
        known[task] = Judged(task, said, tuple(row["short"]), tuple(row["failed"]), row["seconds"])
    return known


def _mapped(tasks: list[MallTask], jobs: int) -> Iterator[Judged]:
    if jobs <= 1:
        yield from map(judge_mall, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judge_mall, tasks)


def judge_mall(task: MallTask) -> Judged:
    """Make, land and judge one mall."""
    import sklearn.cluster  # noqa: F401  (limits hold for libraries that are loaded)
    from threadpoolctl import threadpool_limits

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.discovery.context import discovery_context
    from cafe24_pipelines.discovery.registry import detectors
    from cafe24_pipelines.names import SANDBOX_MALL

    chosen = [d for d in detectors() if not task.only or d.name in task.only]
    results: list[tuple[Detector, Findings]] = []
    seconds, failed = {}, []
    # one thread a mall: malls run side by side, and threads that wait for each other cost more than they bring
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        began = time.process_time()
        lake = land(task, Path(folder))
        seconds["(make and land the mall)"] = time.process_time() - began
        with discovery_context(lake, cast("GraphStore", NoGraph()), Mall(SANDBOX_MALL), seed=task.seed) as context:
            began = time.process_time()
            _ = context.sales, context.baskets
            seconds["(read the frames)"] = time.process_time() - began
            for d in chosen:
                began = time.process_time()
                try:
                    results.append((d, d.find(context)))
                except Exception as error:  # one detector's fault must not hide what the others do
                    failed.append(f"{d.name}: {type(error).__name__}: {error}")
                seconds[d.name] = time.process_time() - began
            said, short = _judged(results, context, task.unseen)
    return Judged(task, said, short, tuple(failed), seconds)


def _judged(
    results: "list[tuple[Detector, Findings]]", context: Any, unseen: int
) -> tuple[tuple[Said, ...], tuple[str, ...]]:
    """(findings with their status, detectors that lacked data) after one judgement over all of them."""
    from dataclasses import replace

    from cafe24_pipelines.discovery.registry import Shortage
    from cafe24_pipelines.discovery.run import judge

    findings = [(d, f) for d, result in results if not isinstance(result, Shortage) for f in result]
    filler = [(d, [replace(f, p=1.0, n=d.minimum_sample)]) for d, f in findings[:1] for _ in range(unseen)]
    patterns = judge(context, [*results, *filler])
    kept = [p for p in patterns if p.effect.value is not None][: len(findings)]
    said = tuple(
        Said(f"{d.name}/{f.subject}", p.status, f.p, p.q, f.estimate.value, f.null, f.n)
        for (d, f), p in zip(findings, kept, strict=True)
    )
    return said, tuple(d.name for d, result in results if isinstance(result, Shortage))


def land(task: MallTask, root: Path) -> "MallLake":
    """The mall's tables in a lake of its own, personal columns left out."""
    from cafe24_pipelines.names import SANDBOX_MALL
    from cafe24_pipelines.sandbox.generator import sandbox_tables
    from cafe24_pipelines.stores.lake import Lake
    from cafe24_pipelines.stores.schemas import TABLES

    lake = Lake(root).mall(SANDBOX_MALL)
    tables = sandbox_tables(customers=task.customers, seed=task.seed, planted=task.planted, sizes=dict(task.sizes))
    for name, table in tables.items():
        names = ["member_key" if c == "member_id" else c for c in table.column_names]
        kept = table.rename_columns(names).select([c for c in names if c in TABLES[name].schema.names])
        lake.land(name, kept, snapshot=True)
    return lake
