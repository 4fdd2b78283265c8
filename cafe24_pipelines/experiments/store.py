"""Where a comparison lies: answers as they come, then published with their scores and the report.

`experiments/<mall>/<name>/` holds published builds (`stores/files.py`); `experiments/<mall>/<arm>.<key>.jsonl` is the
log of an arm that is being answered, one line an answer, flushed to disk line by line, so that a kill loses the
answer it interrupts and no other. Does not belong here: what is stored, or when it is too old (`answering.py`).
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.stores.digest import json_digest
from cafe24_pipelines.stores.files import Published, friendly_os_errors, fsync_dir

Row = dict[str, Any]
_ROWS: Final = "rows.jsonl"
TIMES: Final = frozenset({"latency_ms", "first_token_ms"})
"""What differs between two runs of the same: no part of a digest."""


class ArmLog:
    """Answers of one arm while they are made; `key` names what makes them comparable."""

    def __init__(self, root: Path, arm: str, key: str) -> None:
        self.root, self.arm, self.path = root, arm, root / f"{arm}.{key}.jsonl"

    def read(self) -> dict[str, Row]:
        """Stored answers by question; a line that a kill cut short is left out."""
        found: dict[str, Row] = {}
        if self.path.exists():
            for line in self.path.read_bytes().split(b"\n"):
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                found[str(row["question_id"])] = row
        return found

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep one answer for good."""
        with friendly_os_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            with self.path.open("ab") as f:
                if f.tell() and not self._ends_whole():
                    f.write(b"\n")
                f.write(json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n")
                f.flush()
                os.fsync(f.fileno())
            if new:
                fsync_dir(self.root)

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as f:
            f.seek(-1, os.SEEK_END)
            return f.read(1) == b"\n"

    def clear_others(self) -> None:
        """Remove this arm's logs under other keys: another model, wording, question set or state of the mall."""
        for old in self.root.glob(f"{self.arm}.*.jsonl"):
            if old != self.path:
                old.unlink(missing_ok=True)


class ExperimentBook:
    """The published comparison of every mall under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def log(self, mall_id: str, arm: str, key: str) -> ArmLog:
        """The log of an arm's answers."""
        return ArmLog(self.root / mall_id, arm, key)

    def publish(self, mall_id: str, name: str, rows: Iterable[Mapping[str, Any]], *, texts: Mapping[str, str] = {},
                **meta: Any) -> str:  # fmt: skip
        """Make these rows and texts (by file name) current under a name such as `answers-rag`; their digest.

        Equal content is not written again; times are no content.
        """
        listed = [dict(row) for row in rows]
        plain = [{k: v for k, v in row.items() if k not in TIMES} for row in listed]
        digest = json_digest([plain, dict(texts), meta])
        store = Published(self.root / mall_id / name)
        current = store.current()
        if current is None or current.build_id != digest:
            staging = store.staging(digest)
            lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in listed)
            (staging / _ROWS).write_text(lines, encoding="utf-8")
            for file, text in texts.items():
                (staging / file).write_text(text, encoding="utf-8")
            store.publish(staging, digest, {**meta, "rows": len(listed)})
        return digest

    def rows(self, mall_id: str, name: str) -> list[Row]:
        """The current rows; none before the first run."""
        build = Published(self.root / mall_id / name).current()
        if build is None:
            return []
        return [json.loads(line) for line in (build.path / _ROWS).read_text(encoding="utf-8").splitlines()]

    def meta(self, mall_id: str, name: str) -> dict[str, Any]:
        """What was said of the current rows when they were published; empty before."""
        build = Published(self.root / mall_id / name).current()
        return build.meta if build else {}

    def text(self, mall_id: str, name: str, file: str) -> str:
        """A current text; empty before the first run."""
        build = Published(self.root / mall_id / name).current()
        path = build.path / file if build else None
        return path.read_text(encoding="utf-8") if path and path.exists() else ""

    def remove(self, mall_id: str) -> None:
        """Remove everything of a mall: questions and answers may name members by their key."""
        shutil.rmtree(self.root / mall_id, ignore_errors=True)
