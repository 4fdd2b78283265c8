"""Readiness as people read it: lines for the terminal (Korean or English), a Korean table, the lines of an alert.

Does not belong here: judging, or the formats of Jira and Confluence (`posting.py`).
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

if TYPE_CHECKING:
    from cafe24_pipelines.operations.readiness import Item, Readiness

AREAS_KO: Final = {
    "workflow": "워크플로", "upkeep": "유지 관리", "job": "작업", "asset": "자산", "check": "검사", "store": "저장소",
    "model": "모델",
}  # fmt: skip
_AREAS_EN: Final = {
    "workflow": "workflows", "upkeep": "upkeep", "job": "jobs", "asset": "assets", "check": "checks",
    "store": "stores", "model": "models",
}  # fmt: skip
MARKS: Final = {"red": "✗", "green": "✓", "off": "·"}


def headline(found: "Readiness", lang: str = "ko") -> str:
    """One sentence."""
    if lang == "en":
        return "Ready: everything is green" if found.green else f"Not ready: {len(found.red)} items are red"
    return "준비됨: 모두 정상입니다" if found.green else f"준비되지 않음: {len(found.red)}건이 정상이 아닙니다"


def state_mark(found: "Readiness") -> str:
    """By which a posted text tells the state that it shows, so that the same state is not posted again."""
    return f"상태 지문 {found.digest()}"


def text(found: "Readiness", lang: str = "ko", width: int | None = None) -> str:
    """The headline, then a line an area and a line a reason with its remedy, for what is not green.

    What differs by its mall alone has one reason. In a terminal of `width` columns, fewer names are told where they
    would not fit, and what is longer goes on below, indented.
    """
    names = AREAS_KO if lang == "ko" else _AREAS_EN
    lines = [headline(found, lang), ""]
    for area, counts in found.counts().items():
        mark = MARKS["red" if counts["red"] else "green"]
        off = f", {'꺼짐' if lang == 'ko' else 'off'} {counts['off']}" if counts["off"] else ""
        lines.append(f"{mark} {names[area]}: {counts['green']}/{counts['green'] + counts['red']}{off}")
        alike: dict[tuple[str, str], list[Item]] = {}
        for item in found.red:
            if item.area == area:
                alike.setdefault(_of_any_mall(item, lang), []).append(item)
        for (why, remedy), items in sorted(alike.items(), key=lambda kv: (-len(kv[1]), kv[1][0].name)):
            said = remedy if len(items) > 1 else items[0].said(lang)[1]
            lines += [f"    ✗ {_told(items, why, lang, width)}", f"      → {said}"]
    return "\n".join(part for line in lines for part in _folded(line, width))


def _of_any_mall(item: "Item", lang: str) -> tuple[str, str]:
    """Reason and remedy as they are for every mall."""
    (why, remedy), mall = item.said(lang), item.name.partition("/")[2] if item.area in ("store", "job") else ""
    return why, remedy.replace(f"--mall {mall}`", f"--mall {'몰ID' if lang == 'ko' else 'MALL'}`") if mall else remedy


def _told(items: list["Item"], why: str, lang: str, width: int | None) -> str:
    """One item with its reason; of several with the same, how many and the first names (`--json` has them all)."""
    if len(items) == 1:
        return f"{items[0].name}: {why}{_detail(items[0], lang)}"
    for shown in range(min(len(items), _SHOWN), 0, -1):
        names = ", ".join(i.name for i in items[:shown]) + (", …" if len(items) > shown else "")
        told = f"{why} ({len(items)}{'건' if lang == 'ko' else ''}: {names})"
        if width is None or cell_len(told) + _INDENT <= width:
            break
    return told


def _folded(line: str, width: int | None) -> Iterator[str]:
    """The line, or as many lines as it needs, the later ones indented by as much as its text is."""
    if width is None or cell_len(line) <= width:
        yield line
        return
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    head, *words = line.lstrip().split(" ")
    now = indent[2:] + head
    for word in words:
        if cell_len(f"{now} {word}") > width:
            yield now
            now = indent + word
        else:
            now += f" {word}"
    yield now


def _detail(item: "Item", lang: str) -> str:
    """What was last seen of it."""
    detail = item.detail.replace("틱", "tick").replace("실행", "run") if lang == "en" else item.detail
    return f" ({detail})" if detail else ""


def markdown(found: "Readiness") -> str:
    """A table of every item, the red ones first."""
    lines = [f"**{headline(found)}**", "", "| | 영역 | 이름 | 이유 | 해결 |", "|---|---|---|---|---|"]
    for i in by_state(found):
        cells = (MARKS[i.state], AREAS_KO[i.area], i.name, i.why or i.detail, i.remedy)
        lines.append(f"| {' | '.join(_cell(c) for c in cells)} |")
    return "\n".join(lines)


def by_state(found: "Readiness") -> list["Item"]:
    """Every item: red, green, off; within a state in the order of the areas."""
    return sorted(found.items, key=lambda i: list(MARKS).index(i.state))


def changes(now_red: list["Item"], before: set[str], grown: Mapping[str, tuple[int, int]] | None = None) -> list[str]:
    """The lines of an alert: what is newly red, what is still, and what is mended; no line names a mall.

    Args:
        before: labels of what was red when it was last told.
        grown: labels of what is red for more malls than it was, each with how many those were and are.
    """
    reasons = {
        i.label: f"{AREAS_KO[i.area]} {i.label.partition('/')[2]}: {i.why.partition(': ')[0]}" for i in now_red
    }
    new = [f"✗ {reason}" for label, reason in reasons.items() if label not in before]
    lines = new[:_SHOWN] + ([f"… 새로 {len(new) - _SHOWN}건 더"] if len(new) > _SHOWN else [])
    for label, (were, are) in list((grown or {}).items())[:_SHOWN]:
        if label in before:
            lines.append(f"✗ {reasons[label]} ({were}건 → {are}건)")
    mended = sorted(before - set(reasons))
    if mended:
        rest = f" 외 {len(mended) - _SHOWN}건" if len(mended) > _SHOWN else ""
        lines.append(f"✓ 해결됨: {', '.join(mended[:_SHOWN])}{rest}")
    still = len(before & set(reasons))
    return [*lines, *([f"그대로: {still}건"] if still else []), "해결 방법과 전체: `cafe24 ready`"]


_SHOWN: Final = 8
_INDENT: Final = 6
"""Columns before a reason."""


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")
