"""The page of `cafe24 settings`: which search settings are in force, why, and how the last trial ended, plainly.

Does not belong here: what is told (`learning/standing.py`).
"""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

_NAMES: Final = {
    "dense": ("뜻이 비슷한 글의 비중", "weight of meaning beside words"),
    "said": ("사람들이 묻는 말의 비중", "weight of what people say for a document"),
    "both": ("두 단서가 함께 맞을 때 더하는 몫", "share added when both texts match"),
    "guide": ("안내서의 가중치", "weight of guides"),
    "resource": ("API 개요의 가중치", "weight of overviews"),
    "method": ("하려는 일에 맞는 API의 가중치", "weight of endpoints that do what is wanted"),
    "advice": ("조언을 물을 때 실무 글의 가중치", "weight of articles where advice is asked for"),
    "candidates": ("한 번에 살펴보는 글 조각 수", "chunks looked at"),
}
_LAST: Final = {
    "promoted": ("더 나은 설정을 찾아 적용했습니다.", "better settings were found and are in force."),
    "rejected": (
        "찾은 설정이 처음 보는 질문에서 더 낫다고 확인되지 않아 바꾸지 않았습니다.",
        "what was found did not prove better on unseen questions; nothing changed.",
    ),
    "rolled_back": ("이전 설정으로 되돌렸습니다. 되돌린 설정은 다시 제안하지 않습니다.",
                    "rolled back by a person; those settings are not proposed again."),
    "taken_back": (
        "문서가 바뀐 뒤 이전 설정보다 나빠져 저절로 되돌렸습니다.",
        "taken back: over new documents they did worse than the settings before them.",
    ),
    "superseded": (
        "더 나은 설정을 찾았지만 그사이 다른 설정이 적용되어 쓰지 않았습니다.",
        "better settings were found, but others had come into force meanwhile; they are not used.",
    ),
    "under_way": ("확인하다가 멈췄습니다. 다음 시도가 이어서 끝냅니다.", "it stopped; the next one finishes it."),
}  # fmt: skip
_FIGURES: Final = (
    "질문 묶음 {pairs}개 가운데 나아짐 {wins}, 나빠짐 {losses}, 같음 {ties}. 검색 점수(nDCG@10) 차이 "
    "{difference:+.4f}(95% 구간 {low:+.4f}~{high:+.4f}), 차이가 없어도 이만큼 갈릴 확률 p = {p:.2g}",
    "{pairs} families of questions: {wins} better, {losses} worse, {ties} alike; nDCG@10 {difference:+.4f} "
    "(95 % {low:+.4f} to {high:+.4f}), p = {p:.2g}",
)
_LEVEL: Final = (
    "({look}번째 확인이라 {alpha:.2g} 이하여야 합니다)", "(look {look}: must not exceed {alpha:.2g})",
)  # fmt: skip


def settings_text(told: dict[str, Any], lang: str, *, zone: str) -> str:
    """The page.

    Args:
        told: what `learning/standing.py` found.
        zone: the mall's time zone.
    """
    en = lang == "en"
    lines = [_head(told, en, zone), *_values(told, en)]
    if told["evidence"]:
        lines += [("what proved it: " if en else "근거: ") + _figures(told["evidence"], en)]
    lines += _verdicts(told, en)
    if last := told["last"]:
        lines.append(
            f"{'last trial' if en else '마지막 시도'} ({_day(last['at'], zone)}): {_LAST[last['status']][en]}"
        )
        if last["status"] in ("rejected", "taken_back"):
            lines.append("  " + _figures(last["evidence"], en))
    lines.append(_next(told, en))
    if told["version"]:
        lines.append("to go back: cafe24 settings --rollback" if en else "되돌리기: cafe24 settings --rollback")
    if told["refused"]:
        count = len(told["refused"])
        lines.append(f"{count} events refused (see --json)" if en else
                     f"받아들이지 않은 설정 기록 {count}건(이유는 --json)")  # fmt: skip
    return "\n".join(lines)


def _head(told: dict[str, Any], en: bool, zone: str) -> str:
    if not told["version"]:
        return "search settings: version 0, as shipped" if en else "검색 설정: 버전 0(기본 설정)"
    day = _day(told["at"], zone)
    return f"search settings: version {told['version']}, since {day}" if en else (
        f"검색 설정: 버전 {told['version']}({day}부터)"
    )  # fmt: skip


def _values(told: dict[str, Any], en: bool) -> list[str]:
    """What differs from the shipped settings first, the others in one line each."""
    lines = []
    for name, value in sorted(told["settings"].items(), key=lambda kv: kv[1] == told["shipped"][kv[0]]):
        shipped = told["shipped"][name]
        was = "" if value == shipped else (f" (shipped {shipped:g})" if en else f" (기본 {shipped:g})")
        lines.append(f"  {_NAMES[name][en]} ({name}): {value:g}{was}")
    return lines


def _figures(evidence: dict[str, Any], en: bool) -> str:
    """The figures of a look at the held-out half; those of an event that lacks some are not told."""
    try:
        pairs = evidence["wins"] + evidence["losses"] + evidence["ties"]
        told = _FIGURES[en].format(**evidence, pairs=pairs)
        return f"{told} {_LEVEL[en].format(**evidence)}" if "look" in evidence else told
    except (KeyError, TypeError, ValueError):
        return "no figures on record" if en else "기록된 수치가 없습니다"


def _verdicts(told: dict[str, Any], en: bool) -> list[str]:
    frame = "{positive} good, {negative} bad, {correction} corrected" if en else (
        "긍정 {positive}, 부정 {negative}, 정정 {correction}"
    )  # fmt: skip
    since, before = (frame.format(**told["verdicts"][side]) for side in ("since", "before"))
    if not told["version"]:
        return [("verdicts on answers: " if en else "답변 평가: ") + since]
    return [f"verdicts on answers: before {before}; since {since}" if en else
            f"답변 평가: 이 설정 전 {before} / 뒤 {since}"]  # fmt: skip


def _next(told: dict[str, Any], en: bool) -> str:
    wanted, trials = told["new_verdicts"], told["trials"]
    if wanted is None:
        return "no trial is made: learning/bounds.yaml can't be used" if en else (
            "learning/bounds.yaml을 쓸 수 없어 새 시도를 하지 않습니다."
        )  # fmt: skip
    return f"confirmed so far: {trials} times; the next trial comes with {wanted} new verdicts" if en else (
        f"지금까지 확인 {trials}번. 새 평가가 {wanted}건 모이면 다시 시도합니다."
    )  # fmt: skip


def _day(at: str, zone: str) -> str:
    return datetime.fromisoformat(at).astimezone(ZoneInfo(zone)).date().isoformat()
