"""The parts of one landed resource: Parquet files and the manifest that says which of them count.

A part that neither this manifest nor the one before it names is the leftover of a kill. The parts of the manifest
before stay for one more landing, so that a reader which opened them a moment ago can finish its query.
Does not belong here: what the rows mean, or how parts are merged into a table.
"""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.stores.files import friendly_os_errors, fsync_dir, write_atomic

MANIFEST = "manifest.json"
_KEYS = {"parts", "rows", "digest"}


class Parts:
    """Parts and manifest of one resource in one folder; nothing is created until a part is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self) -> dict[str, Any]:
        """`parts` (each with file, rows, bytes, seq), `before` (file names), `rows` and `digest`.

        Raises:
            LakeDamaged: the manifest can't be read as one.
        """
        path = self.folder / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"version": 1, "parts": [], "before": [], "rows": 0, "digest": ""}
        except ValueError as e:
            raise LakeDamaged("the manifest is not JSON", where=str(path), remedy=self.remedy()) from e
        if not isinstance(manifest, dict) or not manifest.keys() >= _KEYS:
            raise LakeDamaged("the manifest lacks what it must say", where=str(path), remedy=self.remedy())
        return manifest

    def write(self, rows: pa.Table, sequence: int) -> dict[str, Any]:
        """Write `rows` as a new part, durably, and describe it; it counts once a manifest names it."""
        path = self.folder / f"part-{sequence:06d}-{os.urandom(4).hex()}.parquet"
        with friendly_os_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                pq.write_table(rows, path, compression="zstd", row_group_size=122_880)
                with path.open("rb") as f:
                    os.fsync(f.fileno())
            except BaseException:
                path.unlink(missing_ok=True)  # half a part would keep a full disk full
                raise
            fsync_dir(self.folder)
        return {"file": path.name, "rows": rows.num_rows, "bytes": path.stat().st_size, "seq": sequence}

    def switch(self, before: dict[str, Any], parts: list[dict[str, Any]], *, rows: int, digest: str) -> None:
        """Make `parts` the ones that count, and clear what neither this manifest nor `before` names."""
        after = {
            "version": 1,
            "parts": parts,
            "before": [p["file"] for p in before["parts"]],
            "rows": rows,
            "digest": digest,
        }
        write_atomic(self.folder / MANIFEST, json.dumps(after, indent=1))
        self.clear_leftovers(after)

    def clear_leftovers(self, manifest: dict[str, Any]) -> None:
        """Remove parts that the manifest doesn't name, and manifests that a kill left half-written."""
        named = {p["file"] for p in manifest["parts"]} | set(manifest.get("before", []))
        with friendly_os_errors(self.folder):
            for path in [*self.folder.glob("part-*.parquet"), *self.folder.glob(f".{MANIFEST}.*")]:
                if path.name not in named:
                    path.unlink(missing_ok=True)

    def check(self, part: dict[str, Any]) -> None:
        """Compare a part with its manifest without reading it.

        Raises:
            LakeDamaged: it is missing or of another size.
        """
        path = self.folder / part["file"]
        size = path.stat().st_size if path.exists() else -1
        if size != part["bytes"]:
            what = "the file is missing" if size < 0 else f"the file has {size} bytes, not {part['bytes']}"
            raise LakeDamaged(what, where=str(path), remedy=self.remedy())

    def check_content(self, part: dict[str, Any]) -> None:
        """Read a part through.

        Raises:
            LakeDamaged: it is not readable Parquet.
        """
        path = self.folder / part["file"]
        try:
            pq.ParquetFile(path).read()
        except (pa.ArrowException, OSError) as e:
            raise LakeDamaged("the file is not readable Parquet", where=str(path), remedy=self.remedy()) from e

    def remedy(self) -> str:
        """What to do about a damaged file of this resource."""
        return (
            f"restore the file from a backup, or remove the folder {self.folder.name}/ and land that resource again "
            "(cafe24 run); what was published before still answers"
        )
