"""`cafe24 research`: what allowed web sources claim, with their sentences, and how a mall stands beside it."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from cafe24_pipelines.commands.common import admit, common, show_result
from cafe24_pipelines.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_KO = {
    "published": "발표", "undated": "날짜 없음", "contradicts": "다른 출처와 어긋남", "not compared": "비교에서 제외",
    "nothing yet": "아직 모은 공개 자료가 없습니다. `cafe24 research --collect`로 모으세요.", "this mall": "이 몰",
    "new": "새 주장", "retired": "거둔 주장", "pages": "페이지", "problems": "읽지 못한 것", "sources": "허용된 출처",
}  # fmt: skip


@click.command()
@click.option("--collect", "collecting", is_flag=True, help="Visit the allowed sources first (this takes minutes).")
@common
def research(*, collecting: bool, settings: Settings, mall_id: str, as_json: bool, lang: str) -> None:
    """Benchmarks that allowed web sources claim: number, day, source and sentence; conflicting ones side by side.

    A claim is its source's word. The mall's numbers beside it are those of the last comparison (cross_pattern_v2).
    """
    from cafe24_pipelines import parts
    from cafe24_pipelines.research.book import claim_book
    from cafe24_pipelines.research.comparison import ComparisonBook, conflicts
    from cafe24_pipelines.research.run import collect_research
    from cafe24_pipelines.research.sources import load_sources

    admit(settings, mall_id, "read")
    log = parts.event_log(settings)
    report = collect_research(settings, log).to_json() if collecting else None
    standing = claim_book(log).standing()
    counts = Counter(known.claim.source for known in standing)
    sources = [
        {"id": s.id, "publisher": s.publisher, "url": s.url, "kind": s.kind, "trust": s.trust, "terms": s.terms,
         "claims": counts[s.id]}
        for s in load_sources(settings.research_sources)
    ]  # fmt: skip
    value = {
        "claims": [k.to_json() for k in standing],
        "conflicts": conflicts(standing),
        "comparison": ComparisonBook(settings.home.research).current(mall_id),
        "sources": sources,
        "collected": report,
    }
    show_result(value, as_json, research_text(value, lang))


def research_text(value: "Mapping[str, Any]", lang: str) -> str:
    """Claims by metric, each with its number, day, publisher, sentence and address; then what was collected."""
    from cafe24_pipelines.research.claims import Claim, number_text
    from cafe24_pipelines.research.metrics import METRICS

    against = {claim_id for pair in value["conflicts"] for claim_id in pair}
    mine = {row["metric"]: row["compared"] for row in value["comparison"]}
    lines: list[str] = []
    metric = ""
    for one in value["claims"]:
        if one["metric"] != metric:
            metric = one["metric"]
            lines += ["", METRICS[metric].title_ko if lang == "ko" else metric]
            lines += [f"  {_word('this mall', lang)}: {c['title']}" for c in mine.get(metric, ())]
        marks = [_word("contradicts", lang)] if one["id"] in against else []
        marks += [_word("not compared", lang)] if one["doubt"] else []
        when = one["published"] or one["period"] or _word("undated", lang)
        head = [number_text(Claim.from_json(one)), one["population"], when, one["publisher"], *marks]
        lines.append(f"  {' · '.join(filter(None, head))}")
        lines += [f"    “{one['quote']}”", f"    {one['address']}"]
    if not value["claims"]:
        lines = ["", _word("nothing yet", lang)]
    return "\n".join([*lines[1:], *_collected(value["collected"], lang)])


def _collected(report: "Mapping[str, Any] | None", lang: str) -> list[str]:
    if report is None:
        return []
    counts = f"{_word('new', lang)} {report['claimed']}, {_word('retired', lang)} {report['retired']}"
    lines = ["", counts]
    for source in report["sources"]:
        lines.append(f"  {source['source']}: {_word('pages', lang)} {source['pages']}")
        lines += [f"    ! {problem}" for problem in source["problems"]]
    return lines


def _word(text: str, lang: str) -> str:
    return _KO.get(text, text) if lang == "ko" else text
