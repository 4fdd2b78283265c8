"""How the CLI shows results to a person: Korean by default, English on request. Text only; no computing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.doctor import Finding

_KO = {
    "what exists": "지금 있는 것",
    "part": "구분", "name": "이름", "count": "개수",
    "lake": "레이크", "graph": "그래프", "vectors": "벡터", "patterns": "패턴", "finetune": "파인튜닝",
    "nodes": "노드", "relationships": "관계", "rows": "행", "points": "포인트",
    "total": "합계", "quarantined": "격리된 행", "examples": "예제", "tokens": "토큰",
    "next": "다음에 할 일",
    "open the UI": "화면에서 리니지와 결과 보기",
    "ask a question": "질문하기",
    "see patterns": "발견된 패턴 보기",
    "open the report": "보고서 열기",
    "export data": "파인튜닝 데이터 내보내기",
    "sources": "근거", "computed": "계산", "cost": "비용", "refused": "답할 수 없음",
    "confirmed": "확정", "tentative": "잠정", "insufficient_data": "데이터 부족",
    "effect": "효과", "status": "상태", "action": "할 일", "nothing": "결과가 없습니다",
    "account": "가져온 파일의 대사(對査)", "read": "읽음", "landed": "적재", "merged": "중복 병합",
    "column not landed": "적재하지 않은 열",
    "every line and sum is accounted for": "모든 줄과 금액이 맞습니다",
    "THE PARTS DO NOT ADD UP": "합이 맞지 않습니다",
    "train": "학습", "validation": "검증", "written": "저장했습니다",
}  # fmt: skip

_METRIC_PARTS = ("name", "title", "table", "lacking", "charts")
_QUESTIONS = {"ko": "지난달 매출과 주문 수는?", "en": "지난달 매출과 주문 수는?"}


def label(text: str, lang: str) -> str:
    """The Korean for a label, or the label itself in English."""
    return _KO.get(text, text) if lang == "ko" else text


def starting(mall: "Mall", lang: str) -> str:
    """The first line of a run."""
    if lang == "en":
        return f"cafe24: running the whole chain for mall {mall.mall_id} (source {mall.source})"
    return f"cafe24: 쇼핑몰 {mall.mall_id}의 전체 과정을 실행합니다 (원천: {mall.source})"


def counts(state: Mapping[str, Any], lang: str) -> str:
    """The table of what exists after a run."""
    columns = [label(k, lang) for k in ("part", "name", "count")]
    table = _table(f"{label('what exists', lang)} · {state['mall']}", columns, first_number=2)
    lake = {**state["lake"], label("quarantined", lang): state["quarantined"]}
    graph = {
        label("nodes", lang): state["graph"]["nodes"],
        label("relationships", lang): state["graph"]["relationships"],
        **{f"  {k}": v for k, v in sorted(state["graph"]["by_label"].items(), key=lambda kv: -kv[1])},
        **{f"  -[{k}]->": v for k, v in sorted(state["graph"]["by_type"].items(), key=lambda kv: -kv[1])},
    }
    found = {label(k, lang): v for k, v in state["patterns_by_status"].items()}
    tuned = {label(k, lang): v for k, v in state["finetune"].items() if isinstance(v, int)}
    for part, rows_ in (
        ("lake", lake),
        ("graph", graph),
        ("vectors", state["vectors"]),
        ("patterns", found),
        ("finetune", tuned),
    ):
        for i, (name, number) in enumerate(rows_.items()):
            table.add_row(label(part, lang) if i == 0 else "", name, f"{number:,}")
        table.add_section()
    return _render(table)


def account(value: Mapping[str, Any], lang: str) -> str:
    """Where every line and every sum of an import went."""
    columns = ["", *(label(k, lang) for k in ("read", "landed", "quarantined", "merged"))]
    table = _table(f"{label('account', lang)} ({value['currency']}, {value['time_zone']})", columns)
    for f in value["files"]:
        read = f"{f['records']:,}"
        table.add_row(f["file"], read, f"{f['landed']:,}", f"{f['quarantined']:,}", f"{f['merged']:,}")
        for reason, number in f["reasons"].items():
            table.add_row(f"  {_cut(reason, 60)}", "", "", f"{number:,}", "")
        for header in f["not_landed"]:
            table.add_row(f"  {label('column not landed', lang)}: {header}", "", "", "", "")
    table.add_section()
    for name, g in value["figures"].items():
        parts = (g["landed"], g["quarantined"], g["merged"]) if g["parts"] else ("", "", "")
        table.add_row(label(name, lang), *(_number(n) for n in (g["read"], *parts)))
    verdict = "every line and sum is accounted for" if value["balanced"] else "THE PARTS DO NOT ADD UP"
    notes = [f"  · {note}" for note in (*(n for f in value["files"] for n in f["notes"]), *value["notes"])]
    return "\n".join([_render(table), f"  {label(verdict, lang)}", *notes])


def _number(value: Any) -> str:
    if value == "":
        return ""
    return f"{Decimal(str(value)):,}"


def next_steps(mall_id: str, lang: str) -> str:
    """What a person may do after a run."""
    mall = "" if mall_id == "sandbox" else f" --mall {mall_id}"
    steps = [
        ("make ui", "open the UI"),
        (f'.venv/bin/cafe24 ask{mall} "{_QUESTIONS[lang]}"', "ask a question"),
        (f"cafe24 patterns{mall}", "see patterns"),
        (f"cafe24 report --open{mall}", "open the report"),
        (f"cafe24 export finetune{mall} --out train.jsonl", "export data"),
    ]
    steps = [(c if c.startswith(("make", ".venv")) else f".venv/bin/{c}", why) for c, why in steps]
    width = max(len(c) for c, _ in steps) + 4
    return "\n".join([f"{label('next', lang)}:", *(f"  {c:<{width}}# {label(why, lang)}" for c, why in steps)])


def answer(value: Mapping[str, Any], lang: str) -> str:
    """An answer with its sources and the queries behind its numbers."""
    lines = [value["answer"], ""]
    if value["citations"]:
        lines.append(f"{label('sources', lang)}:")
        lines += [f"  [{i}] {c['title']} ({c['id']})" for i, c in enumerate(value["citations"], 1)]
    if value["numbers"]:
        lines.append(f"{label('computed', lang)}:")
        lines += _computed(value["numbers"])
    lines.append(f"({value['arm']} · {value['model']} · {value['latency_ms']:,.0f} ms)")
    return "\n".join(lines)


def _computed(numbers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The numbers of each query, then the query itself and the reference to the rows that it counted, once."""
    by_query: dict[tuple[str, str], list[str]] = {}
    for n in numbers:
        source = " ".join(n["query"].split()), n.get("rows", "")
        by_query.setdefault(source, []).append(f"{n['value']:,} {n['unit']}")
    lines = []
    for (query, reference), values in by_query.items():
        lines += [f"  {', '.join(values)}", f"    ← {query}"]
        lines += [f"    cafe24 rows '{reference}'"] if reference else []
    return lines


def hits(found: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Search results, best first."""
    if not found:
        return label("nothing", lang)
    return "\n\n".join(
        f"{i}. {h['title']}  [{h['id']}]  {h['score']:.3f}\n   {_cut(h['text'], 200)}" for i, h in enumerate(found, 1)
    )


def patterns(found: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Patterns with their numbers and what to do."""
    if not found:
        return label("nothing", lang)
    blocks = []
    for p in found:
        e = p["effect"]
        q = "q = –" if p["q"] is None else f"q = {p['q']:.2g}"
        interval = "" if e["ci_low"] is None else f" [{e['ci_low']:.3g}, {e['ci_high']:.3g}]"
        value = "–" if e["value"] is None else f"{e['value']:.3g}"
        blocks.append(
            f"● {p['title']}  ({label(p['status'], lang)})\n"
            f"   {label('effect', lang)}: {e['name']} = {value}{interval}, {q}, n = {p['n']:,}\n"
            f"   {label('action', lang)}: {p['action']}"
        )
    return "\n".join(blocks)


def rows(found: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Any list of records as a table."""
    if not found:
        return label("nothing", lang)
    table = _table("", list(found[0]))
    for row in found:
        table.add_row(*(_cut(row.get(k), 40) for k in found[0]))
    return _render(table)


def pattern_histories(found: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Each pattern with a line an observation and a retraction, oldest first."""
    lines = []
    for one in found:
        seen = one["observations"]
        title = seen[-1]["title"] if seen else label("insufficient_data", lang)
        lines.append(f"{one['detector']} {one['id'][:8]} {title}")
        told = [(o["at"], f"{label(o['status'], lang)} {_effect(o['effect'])}") for o in seen]
        told += [(r["at"], r["text"]) for r in one["retractions"]]
        lines += [f"  {at[:16]} {text}" for at, text in sorted(told)]
    return "\n".join(lines) or label("nothing", lang)


def _effect(effect: Mapping[str, Any]) -> str:
    if effect["value"] is None:
        return ""
    return f"{effect['name']} {effect['value']:.4g} [{effect['ci_low']:.4g}, {effect['ci_high']:.4g}]"


def metric(report: Mapping[str, Any], lang: str) -> str:
    """One analysis: its plain figures, what is missing, then the first rows of its table."""
    lines = [str(report["title"])]
    lines += [f"  {k}: {v}" for k, v in report.items() if k not in _METRIC_PARTS and not isinstance(v, dict | list)]
    lines += [f"  {k}: {json.dumps(v, ensure_ascii=False)}" for k, v in report.items()
              if k not in _METRIC_PARTS and isinstance(v, dict)]  # fmt: skip
    lines += [f"  ! {one['what']}: {one['have']:g} < {one['needed']:g}" for one in report["lacking"]]
    lines += [f"  {path}" for path in report.get("charts", ())]
    return "\n".join([*lines, rows(report["table"], lang) if report["table"] else ""])


def exported(report: Mapping[str, Any], lang: str) -> str:
    """Where an export went."""
    files = [f"  {label(part, lang)}: {report[part]}" for part in ("train", "validation") if part in report]
    return "\n".join([label("written", lang), *files])


def findings(found: "Iterable[Finding]", lang: str) -> str:
    """What the doctor found."""
    lines = []
    for f in found:
        lines.append(f"{'✓' if f.ok else '✗'} {f.name}: {f.detail}")
        if not f.ok and f.remedy:
            lines.append(f"    → {f.remedy}")
    return "\n".join(lines)


def _cut(value: Any, length: int) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _table(title: str, columns: Sequence[str], *, first_number: int = 1) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if title and i >= first_number else "left")
    return table


def _render(table: "Table") -> str:
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=110, force_terminal=False).print(table)
    return out.getvalue().rstrip()
