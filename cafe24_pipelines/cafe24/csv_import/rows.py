"""Typed rows of one file, and for each row whether it lands, was merged into an identical one, or why it is refused.

A row has one reason: the first that applies, columns in contract order. A refused row is described by its contract
columns only: the member id as its hash, prose left out, a cell that could not be read only as its shape unless
it is a number or a code word. Does not belong here: which tables rows become (see `tables.py`).
"""

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.csv_import.contract import Field
from cafe24_pipelines.cafe24.csv_import.files import BadLine
from cafe24_pipelines.cafe24.csv_import.reader import Distinct, RawFile
from cafe24_pipelines.cafe24.csv_import.values import Readers, Refused
from cafe24_pipelines.cafe24.privacy import Pseudonyms, mask_text

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_SHOWN_KINDS: Final = ("status", "event", "flag", "gender")


class Rows:
    """The rows of one file.

    Attributes:
        raw: what was read.
        columns: typed Arrow arrays, one value a row; null where the cell is blank or was refused.
        merged: rows that repeat another row exactly and are kept once.
        amount: what each row is worth (decimal128(20, 4)), null where that can't be read; None when rows of this
            file have no worth.
    """

    def __init__(self, raw: RawFile, readers: Readers) -> None:
        import numpy as np

        self.raw = raw
        self.columns: dict[str, pa.Array] = {}
        self.size = len(raw.lines)
        self.merged = np.zeros(self.size, dtype=bool)
        self.amount: pa.Array | None = None
        self._why = np.zeros(self.size, dtype=np.int32)
        self._reasons: list[tuple[str, str]] = [("", "")]
        for f in raw.resource.fields:
            if f.name in raw.columns:
                self._read(f, raw.columns[f.name], readers)

    # -- state -----------------------------------------------------------------------------------------------

    @property
    def lands(self) -> "np.ndarray":
        """Boolean mask of the rows that go to the lake."""
        return (self._why == 0) & ~self.merged

    @property
    def refused(self) -> "np.ndarray":
        """Boolean mask of the rows that go to the quarantine."""
        return self._why > 0

    def refuse(self, rows: "np.ndarray", reason: str, field: str) -> None:
        """Refuse the rows of a boolean mask that are still fine; earlier reasons stay."""
        fresh = rows & (self._why == 0) & ~self.merged
        if fresh.any():
            self._reasons.append((f"{field} {reason}", field))
            self._why[fresh] = len(self._reasons) - 1

    def merge(self, rows: "np.ndarray") -> None:
        """Mark rows as identical to one that is kept."""
        self.merged |= rows & (self._why == 0)

    def reasons(self, where: "np.ndarray | None" = None, bad: "list[BadLine] | None" = None) -> dict[str, int]:
        """Reason -> rows refused for it; of the rows of a mask and of some unreadable lines, else of all."""
        codes = self._why if where is None else self._why[where]
        counts = Counter(codes[codes > 0].tolist())
        named = Counter(b.reason for b in (self.raw.bad if bad is None else bad))
        for code, rows in counts.items():
            named[self._reasons[code][0]] += rows
        return dict(sorted(named.items()))

    def codes(self, *names: str) -> "np.ndarray":
        """Rows numbered by equal values of typed columns, from 0; a null equals a null."""
        import pyarrow.compute as pc

        encoded = [pc.dictionary_encode(self.columns[n], null_encoding="encode").indices.to_numpy() for n in names]
        return _combined(self.size, encoded)

    def text_codes(self) -> "np.ndarray":
        """Rows numbered by equal raw text in every column that is read."""
        return _combined(self.size, [column.codes for column in self.raw.columns.values()])

    def table(self) -> "pa.Table":
        """The landing rows with every column that is read."""
        import pyarrow as pa

        return pa.table(self.columns).filter(pa.array(self.lands))

    # -- reading cells ---------------------------------------------------------------------------------------

    def _read(self, f: Field, column: Distinct, readers: Readers) -> None:
        """Read each distinct text once, then spread values and refusals over the rows."""
        import numpy as np
        import pyarrow as pa

        read, values = readers.reader(f.kind), []
        why = np.zeros(len(column.values) + 1, dtype=np.int32)
        reasons: dict[str, int] = {}
        for i, raw in enumerate(column.values):
            text, reason, value = raw.strip(), "", None
            if not text:
                reason = "is empty" if f.filled else ""
            elif "\x00" in text:
                reason = "holds a NUL character"
            else:
                try:
                    value = read(text)
                    reason = "is empty" if value is None and f.filled else ""
                except Refused as e:
                    reason = str(e)
            values.append(value)
            if reason:
                why[i] = reasons.setdefault(reason, len(reasons) + 1)
        self.columns[f.name] = pa.array(values, _arrow_type(f.kind)).take(pa.array(column.codes))
        by_row = why[column.codes]
        for reason, code in reasons.items():
            self.refuse(by_row == code, reason, f.name)

    # -- quarantine ------------------------------------------------------------------------------------------

    def quarantine(self, resource: str, hasher: Pseudonyms) -> "pa.Table":
        """The refused rows and unreadable lines, as the lake's quarantine wants them (without `mall_id`)."""
        import numpy as np
        import pyarrow as pa

        from cafe24_pipelines.stores.lake import QUARANTINE_SCHEMA

        rows = np.flatnonzero(self.refused).tolist()
        worth = (
            self.amount.take(pa.array(rows, pa.int64())).to_pylist()
            if self.amount is not None
            else [None] * len(rows)
        )
        bad = self.raw.bad_lines()
        described = [{"line": b.line, "length": b.length, "sha256": b.sha256} for _, b in bad]
        shown = [json.dumps(r, ensure_ascii=False) for r in [*(self._show(i, hasher) for i in rows), *described]]
        reasons = [self._reasons[self._why[i]] for i in rows]
        schema = pa.schema([f for f in QUARANTINE_SCHEMA if f.name != "mall_id"])
        return pa.table(
            {
                "resource": [resource] * len(shown),
                "source_file": [*(self.raw.file_of(i) for i in rows), *(name for name, _ in bad)],
                "source_line": [*(int(self.raw.lines[i]) for i in rows), *(b.line for _, b in bad)],
                "reason": [*(r for r, _ in reasons), *(b.reason for _, b in bad)],
                "field": [*(f for _, f in reasons), *([None] * len(bad))],
                "row": shown,
                "amount": [*worth, *([None] * len(bad))],
            },
            schema=schema,
        )

    def _show(self, i: int, hasher: Pseudonyms) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for f in self.raw.resource.fields:
            column = self.raw.columns.get(f.name)
            if column is None or f.kind == "prose":
                continue
            text = column.values[column.codes[i]].strip()
            if f.kind == "member":
                shown["member_key"] = hasher.of(text)
            elif f.kind == "id":
                shown[f.name] = text
            elif f.kind == "region":  # the cell may be a whole address: only what was read of it is shown
                shown[f.name] = self.columns[f.name][i].as_py()
            else:
                readable = self.columns[f.name][i].is_valid
                shown[f.name] = mask_text(text) if readable or f.kind in _SHOWN_KINDS else _shape(text)
        return shown


def _combined(size: int, parts: "list[np.ndarray]") -> "np.ndarray":
    """One code a row for equal combinations of codes, in order of first appearance."""
    import numpy as np

    total, width = np.zeros(size, dtype=np.int64), 1
    for codes in parts:
        distinct = int(codes.max(initial=0)) + 1
        if width * distinct >= 2**62:  # the pairs would not fit: renumber what there is
            total = _renumbered(total)
            width = int(total.max(initial=0)) + 1
        total, width = total * distinct + codes, width * distinct
    return _renumbered(total)


def _renumbered(codes: "np.ndarray") -> "np.ndarray":
    import pandas as pd

    return pd.factorize(codes)[0].astype("int64")


def _shape(text: str) -> str:
    """A cell that can't be read: as it is when it has no letters, else with its letters and digits blotted out."""
    text = mask_text(text)[:40]
    if not any(c.isalpha() for c in text):
        return text
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "x", text))


def _arrow_type(kind: str) -> "pa.DataType":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, MONEY, TEXT, TIME

    known = {"time": TIME, "money": MONEY, "price": MONEY, "whole": INT, "rating": INT, "flag": pa.bool_()}
    return known.get(kind, TEXT)
