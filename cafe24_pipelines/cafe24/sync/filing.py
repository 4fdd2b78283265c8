"""Rows of a resource that could not land: under which label each lies in quarantine, and when it leaves.

Rows of a window or of a whole list are filed under its label and replaced by its next reading. A row that a side list
showed (a late change) is filed under its own key, so that it is there once and leaves when the row lands. Files are
written before the commit that names their labels and removed after the one that no longer does; what a kill left in
between is swept by the next run. Does not belong here: what is kept of such a row (`admin_api/line_quarantine.py`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.admin_api.resources import MEMBER, ApiResource
from cafe24_pipelines.errors import LakeDamaged
from cafe24_pipelines.stores.digest import text_digest

if TYPE_CHECKING:
    from cafe24_pipelines.stores.records import ApiLake

_LABELS: Final = "quarantine"
_ROW: Final = "row "


class Filing:
    """The quarantine of one resource; `state` is what is committed with its rows."""

    def __init__(self, lake: "ApiLake", resource: ApiResource, state: dict[str, Any]) -> None:
        self._lake, self._resource, self._state = lake, resource, state
        self._sweep()

    @property
    def labels(self) -> list[str]:
        """Under which labels rows lie."""
        return list(self._state.get(_LABELS, []))

    def row_label(self, bad: Mapping[str, Any]) -> str:
        """The label of a single row: of its key, as far as it has one."""
        known = json.loads(bad.get("row") or "{}")
        parts = [known.get("member_key" if name == MEMBER else name) for name in self._resource.key]
        return _of_key("/".join(map(str, parts)) if None not in parts else "")

    def single(self, bad: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
        """Rows by their own labels."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for one in bad:
            found.setdefault(self.row_label(one), []).append(one)
        return found

    def put(
        self, files: Mapping[str, Sequence[Mapping[str, Any]]], settled: Iterable[str], stale: Iterable[str]
    ) -> list[str]:
        """Write files and note their labels in the state.

        Args:
            files: rows by label; a label without rows is given up.
            settled: keys of rows that land or are gone with the same commit.
            stale: labels that these readings replace.

        Returns:
            Labels whose files have to go once the state is committed (`drop`).
        """
        labels = self.labels
        gone = {*stale, *(label for label, rows in files.items() if not rows)}
        if any(label.startswith(_ROW) for label in labels):
            gone |= {_of_key(key) for key in settled}
        for label, rows in files.items():
            if rows:
                self._lake.quarantine(self._resource.name, label, rows)
                gone.discard(label)
                if label not in labels:
                    labels.append(label)
        going = [label for label in labels if label in gone]
        self._state[_LABELS] = [label for label in labels if label not in gone]
        return going

    def drop(self, labels: Iterable[str]) -> None:
        """Remove files that the committed state no longer names."""
        for label in labels:
            self._lake.quarantine(self._resource.name, label, [])

    def _sweep(self) -> None:
        """Remove files that no committed state names: a run was killed before or after its commit."""
        from cafe24_pipelines.stores.records import QUARANTINE

        folder = self._lake.root / QUARANTINE / self._resource.name
        if sum(1 for _ in folder.glob("*.parquet")) <= len(self.labels):
            return
        with suppress(LakeDamaged):
            for row in self._lake.quarantined().select(["resource", "source_file"]).to_pylist():
                if row["resource"] == self._resource.name and row["source_file"] not in self.labels:
                    self._lake.quarantine(self._resource.name, row["source_file"], [])


def _of_key(key: str) -> str:
    """A label that names no member, as a key may."""
    return _ROW + text_digest(key)[:16]
