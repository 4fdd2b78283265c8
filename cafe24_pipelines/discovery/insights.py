"""Patterns as Korean documents for retrieval: the numbers in a fixed wording, and a model's words that passed.

Does not belong here: indexing them (see `knowledge/index.py`), or wording by a model (see `wording.py`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from cafe24_pipelines.discovery.patterns import Pattern
from cafe24_pipelines.names import INSIGHTS

if TYPE_CHECKING:
    from cafe24_pipelines.knowledge.documents import Document

_STATUS_KO: Final = {
    "confirmed": "확정: 통계 검정, 신뢰구간, 두 기간의 일관성을 모두 통과했습니다.",
    "tentative": "잠정: 아직 확정할 수 없습니다. 결정의 근거로 쓰지 마세요.",
    "insufficient_data": "데이터 부족: 판단하지 않았습니다.",
}
_RETRACTED_KO: Final = "철회: 전에 확정했지만 지금 자료로는 확인되지 않습니다. 더는 근거로 쓰지 마세요."
_KIND_KO: Final = {
    "cross_domain": "이 몰의 데이터를 가로질러 찾은 패턴",
    "web_research": "공개 연구의 기준과 견준 패턴",
}


def insight_documents(
    patterns: list[Pattern], mall_id: str, wordings: Mapping[str, str] | None = None
) -> "list[Document]":
    """One document a pattern, ordered by id; `document_id` is `pattern-<id>`.

    `wordings` are a model's texts by pattern id (see `wording.py`); they stand after the fixed wording.
    """
    from cafe24_pipelines.knowledge.documents import Document

    return [
        Document(
            document_id=f"pattern-{p.id}",
            collection=INSIGHTS,
            kind="insight",
            title=p.title,
            body=_joined(insight_text(p), (wordings or {}).get(p.id, "")),
            language="ko",
            source=f"discovery/{mall_id}/{p.detector}",
            tags=",".join((p.detector, p.kind, p.status)),
        )
        for p in sorted(patterns, key=lambda p: p.id)
    ]


def _joined(text: str, worded: str) -> str:
    return f"{text}\n설명: {worded}" if worded else text


def insight_text(pattern: Pattern) -> str:
    """The body of a pattern's document: what, how sure, the numbers, what to do."""
    effect = pattern.effect
    status = _RETRACTED_KO if pattern.retracted_at else _STATUS_KO[pattern.status]
    lines = [pattern.title + ".", f"상태 — {status}", f"종류: {_KIND_KO[pattern.kind]}."]
    if effect.value is not None:
        lines.append(
            f"효과({effect.name}): {effect.value:.4g}, 95% 신뢰구간 {effect.ci_low:.4g}~{effect.ci_high:.4g}."
        )
    if pattern.p is not None and pattern.q is not None:
        lines.append(f"p={pattern.p:.4g}, 다중검정 보정 q={pattern.q:.4g}, 표본 {pattern.n:,}개.")
    lines.append(pattern.summary)
    lines.append(f"할 일: {pattern.action}")
    return "\n".join(lines)
