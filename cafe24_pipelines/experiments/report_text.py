"""The report as Markdown, Korean or English: sentences from `data/report.yaml`, figures from `report.py`.

Does not belong here: computing anything.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.experiments.data_files import yaml_file
from cafe24_pipelines.experiments.judge import TRUSTED
from cafe24_pipelines.experiments.statistics import POWER, WIN_RATE

if TYPE_CHECKING:
    from cafe24_pipelines.experiments.judging import Judging
    from cafe24_pipelines.experiments.report import ArmSummary, Report
    from cafe24_pipelines.experiments.statistics import Comparison

_ANSWER_SHOWN: Final = 160
_RESULTS: Final = (
    "arm", "right", "interval", "refused", "wrong", "over", "under", "precision", "recall", "faithful_numbers",
    "faithful_sentences", "letters", "latency", "tokens", "cost",
)  # fmt: skip


def markdown(report: "Report", lang: str) -> str:
    """The whole report."""
    page = _Page(lang)
    parts = [
        f"# {page.word('report')} · {report.mall_id}",
        page.section("setting", _setting(report, page)),
        page.section("results", results_table(report, lang)),
        page.section("kinds", _kinds(report, page)),
        page.section("comparisons", _comparisons(report.comparisons, page), _few(report, page)),
        page.section("exploratory", _exploratory(report, page)),
        page.section("judge_votes", _judge(report.judging, page)) if report.judging else "",
        page.section("limits", _limits(report, page)),
        page.section("examples", _examples(report, page)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def results_table(report: "Report", lang: str) -> str:
    """The table of arms alone."""
    page = _Page(lang)
    return _table([page.word(h) for h in _RESULTS], [_arm_row(a, page) for a in report.arms.values()])


class _Page:
    """The words of one language."""

    def __init__(self, lang: str) -> None:
        self.texts: dict[str, Any] = yaml_file("report.yaml")[lang]

    def word(self, key: str) -> str:
        return str(self.texts["words"].get(key, key))

    def say(self, key: str, **figures: Any) -> str:
        return str(self.texts[key]).format(**figures)

    def section(self, key: str, *parts: str) -> str:
        return "\n\n".join([f"## {self.word(key)}", *(part for part in parts if part)])


def _setting(report: "Report", page: _Page) -> str:
    one, together = report.needed
    return page.say(
        "setting", n=report.n, digest=report.questions.digest, win=f"{WIN_RATE:.0%}", power=f"{POWER:.0%}", one=one,
        all=together, models=", ".join(f"{a.arm}: `{a.model}`" for a in report.arms.values()),
        prompts=", ".join(sorted({f"`{a.prompt_version}`" for a in report.arms.values()})),
        unbuilt=report.unbuilt, share=f"{report.unbuilt / report.n:.0%}",
    )  # fmt: skip


def _arm_row(a: "ArmSummary", page: _Page) -> list[str]:
    cost = page.word("unknown") if a.cost_usd is None else f"${a.cost_usd:.4f}"
    if a.cost_krw:
        cost += f" (₩{a.cost_krw:,.0f})"
    return [
        a.arm, f"{a.right}/{a.n} ({a.right / a.n:.1%})", f"{a.right_low:.1%}~{a.right_high:.1%}", str(a.refused),
        str(a.wrong), f"{a.over_refusals}/{a.answerable}", f"{a.under_refusals}/{a.unanswerable}",
        _share(a.citation_precision), _share(a.citation_recall), _share(a.faithful_numbers),
        _share(a.faithful_sentences), f"{a.length:.0f}", f"{a.p50_ms:.0f}/{a.p95_ms:.0f}",
        f"{a.input_tokens:,}/{a.output_tokens:,}", cost,
    ]  # fmt: skip


def _kinds(report: "Report", page: _Page) -> str:
    kinds = list(dict.fromkeys(k for a in report.arms.values() for k in a.by_kind))
    heads = [page.word("arm"), *(page.word(k) for k in kinds)]
    rows = [
        [a.arm, *(" / ".join(map(str, a.by_kind[k])) if k in a.by_kind else "-" for k in kinds)]
        for a in report.arms.values()
    ]
    return _table(heads, rows) + f"\n\n{page.word('right')} / {page.word('refused')} / {page.word('wrong')}"


def _comparisons(comparisons: "Sequence[Comparison]", page: _Page) -> str:
    heads = ("arm", "measure", "wins", "losses", "ties", "difference", "interval", "by_family", "holm", "verdict")
    rows = [
        [
            f"{c.first} − {c.second}",
            page.word(c.measure),
            *_counts(c),
            _family(c),
            _p(c.adjusted),
            page.word(c.verdict),
        ]
        for c in comparisons
    ]
    return _table([page.word(h) for h in heads], rows)


def _counts(c: "Comparison") -> list[str]:
    return [str(c.wins), str(c.losses), str(c.ties), f"{c.difference:+.3f}", f"{c.low:+.3f}~{c.high:+.3f}"]


def _family(c: "Comparison") -> str:
    return "-" if c.family_low is None or c.family_high is None else f"{c.family_low:+.3f}~{c.family_high:+.3f}"


def _few(report: "Report", page: _Page) -> str:
    """Which comparisons had fewer untied questions than it takes."""
    needed = report.needed[1]
    few = [
        f"{c.first} − {c.second} ({c.measure}: {c.wins + c.losses})"
        for c in report.comparisons
        if c.wins + c.losses < needed
    ]
    return page.say("few", needed=needed, listed=", ".join(few)) if few else ""


def _exploratory(report: "Report", page: _Page) -> str:
    heads = ("kind", "arm", "wins", "losses", "ties", "difference", "interval", "p")
    rows = [[page.word(c.kind), f"{c.first} − {c.second}", *_counts(c), _p(c.p)] for c in report.exploratory]
    return _table([page.word(h) for h in heads], rows) + "\n\n" + page.say("exploratory")


def _judge(judging: "Judging", page: _Page) -> str:
    a, size = judging.agreement, judging.lengths
    counted = page.say("counted") if judging.counted else page.say("not_counted", trusted=TRUSTED)
    said = page.say(
        "judge", model=judging.model, kappa=f"{a.kappa:.2f}", low=f"{a.low:.2f}", high=f"{a.high:.2f}", pairs=a.pairs,
        counted=counted, flips=judging.flips, unread=judging.unread, preferred=f"{size.preferred:.0f}",
        other=f"{size.other:.0f}", longer=size.longer_won, decided=size.decided,
    )  # fmt: skip
    return f"{said}\n\n{_comparisons(judging.comparisons, page)}"


def _limits(report: "Report", page: _Page) -> str:
    texts = page.texts["limits"]
    keys = ["offline" if report.offline else "generative", "gold", "faithful", "written"]
    return "\n".join(f"- {texts[key]}" for key in keys)


def _examples(report: "Report", page: _Page) -> str:
    rows = [
        [arm, page.word(e["kind"]), e["question"], ", ".join(page.word(w) for w in e["why"]), _cut(str(e["answer"]))]
        for arm, found in report.examples.items()
        for e in found
    ]
    return _table([page.word(h) for h in ("arm", "kind", "question", "why", "answer")], rows) if rows else "-"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(f"| {' | '.join(_cell(v) for v in row)} |" for row in rows)])


def _cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _ANSWER_SHOWN else flat[: _ANSWER_SHOWN - 1] + "…"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else "<0.0001"
