"""What a merchant who leaves may take along: their own results in one ZIP, without personal data.

Analyses (figures, charts, and tables that have no row a member), patterns with evidence, verified answers, report
pages. A text that holds the key of one of the mall's members loses it. The same content gives the same bytes. The
file lies under `exports/<mall>/` until the mall is removed.
Does not belong here: data sets for training (`cafe24 export finetune`).
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.stores.events import Event
from cafe24_pipelines.stores.files import write_atomic

if TYPE_CHECKING:
    from cafe24_pipelines.settings import Settings
    from cafe24_pipelines.stores.events import EventLog

EXPORTED: Final = "mall.exported"
_MEMBER_COLUMNS: Final = frozenset({"member_key", "member_id"})
_KEY: Final = re.compile(r"\b[0-9a-f]{32}\b")
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_README: Final = """카페24 CRM 분석 결과 ({mall})

이 파일에는 쇼핑몰의 분석 결과만 있고, 회원 개인정보와 회원 식별값은 없습니다.

- analyses/이름/table.csv   분석 표 (UTF-8; 회원별 표는 제외)
- analyses/이름/summary.json 전체 수치와 상태
- analyses/이름/*.svg        차트
- patterns.json              발견한 패턴: 효과, 신뢰구간, 근거
- answers.jsonl              검증된 질문과 답변
- reports/                   보고서 페이지
"""


@dataclass(frozen=True)
class Export:
    """A file that was made: where, its size and SHA-256, and until when it lies there (UTC)."""

    path: Path
    bytes: int
    sha256: str
    files: int
    until: datetime


def export_mall(
    settings: "Settings", log: "EventLog", mall_id: str, *, left_at: datetime | None = None, reason: str = ""
) -> Export:
    """Write the export and log where it lies; once for each reason (the event of the uninstallation).

    Args:
        left_at: when the grace period began (UTC); now, unless it is given.
    """
    content, files = packed(settings, mall_id)
    digest = hashlib.sha256(content).hexdigest()
    path = settings.home.exports / mall_id / f"{mall_id}-{digest[:12]}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content, private=True)
    until = (left_at or datetime.now(UTC)) + timedelta(days=settings.grace_days)
    made = Export(path, len(content), digest, files, until)
    payload = {
        "path": str(path.relative_to(settings.home.root)), "bytes": made.bytes, "sha256": digest, "files": files,
        "until": until.isoformat(timespec="seconds"),
    }  # fmt: skip
    log.append([Event(f"{EXPORTED}:{mall_id}:{reason or digest}", mall_id, EXPORTED, datetime.now(UTC), payload)])
    return made


def packed(settings: "Settings", mall_id: str) -> tuple[bytes, int]:
    """The ZIP as bytes, and how many files it has."""
    members = _member_keys(settings, mall_id)
    entries = {"읽어보기.txt": _README.format(mall=mall_id).encode()}
    for name, data in [*_analyses(settings, mall_id), *_findings(settings, mall_id), *_reports(settings, mall_id)]:
        entries[name] = _nameless(data, members)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, entries[name])
    return sink.getvalue(), len(entries)


def _member_keys(settings: "Settings", mall_id: str) -> frozenset[str]:
    """Hashes of all members of the mall: also of those who are known from their orders alone."""
    from cafe24_pipelines import parts

    lake, found = parts.mall_lake(settings, mall_id), set()
    for table in lake.counts():
        rows = lake.read(table)
        if "member_key" in rows.column_names:
            found |= {str(key) for key in rows.column("member_key").unique().to_pylist() if key}
    return frozenset(found)


def _nameless(data: bytes, members: frozenset[str]) -> bytes:
    """Without the keys of members; every entry is text."""
    text = data.decode("utf-8")
    return _KEY.sub(lambda match: "(회원)" if match[0] in members else match[0], text).encode()


def _analyses(settings: "Settings", mall_id: str) -> Iterator[tuple[str, bytes]]:
    from cafe24_pipelines.crm.tables import CrmTables

    tables = CrmTables(settings.home.analytics)
    for name in sorted(tables.digests(mall_id)):
        frame = tables.read(mall_id, name)
        if not _MEMBER_COLUMNS & set(frame.columns):  # a row a member is personal, whatever columns it loses
            yield f"analyses/{name}/table.csv", frame.to_csv(index=False).encode()
        yield f"analyses/{name}/summary.json", _json(tables.summary(mall_id, name))
        for chart, path in tables.charts(mall_id, name).items():
            yield f"analyses/{name}/{chart}.svg", path.read_bytes()


def _findings(settings: "Settings", mall_id: str) -> Iterator[tuple[str, bytes]]:
    from cafe24_pipelines.answers.verified import AnswerBook
    from cafe24_pipelines.discovery.patterns import PatternBook

    if patterns := PatternBook(settings.home.patterns).current(mall_id):
        yield "patterns.json", _json([pattern.to_json() for pattern in patterns])
    book = AnswerBook(settings.home.answers)
    if book.digest(mall_id):
        kept = ("question", "answer", "kind", "verified_by")
        rows = [{k: v for k, v in vars(one).items() if k in kept} for one in book.current(mall_id)]
        yield "answers.jsonl", b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def _reports(settings: "Settings", mall_id: str) -> Iterator[tuple[str, bytes]]:
    """Pages that were rendered for the mall."""
    root = settings.home.reports / mall_id
    for path in sorted(root.rglob("*.html")):
        yield f"reports/{path.relative_to(root).as_posix()}", path.read_bytes()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode()
