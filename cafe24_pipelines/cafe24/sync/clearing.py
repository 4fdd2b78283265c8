"""Rows of erased members on their way into the lake: left out, or a guest's where they are of a sale.

Such rows are listed by the mall and not held here, as quarantined ones; unlike those they leave nobody in doubt about
what is gone. Does not belong here: who was erased, and what that means for a row (`erase/registry.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.admin_api.line import Crossed
    from cafe24_pipelines.cafe24.erase.registry import ErasedMembers

_LONGEST_ID: Final = 40


class Clearing:
    """What erased members' rows become. Without any erased member everything passes as it is.

    Args:
        erased: the mall's list, None for none.
        hashed: raw member id -> member key.
    """

    def __init__(self, erased: "ErasedMembers | None", hashed: Callable[[str], str | None]) -> None:
        self._erased = erased or None  # an empty list is none
        self._hashed = hashed

    def covers(self, member_key: str | None) -> bool:
        """Whether the member was erased."""
        return self._erased is not None and self._erased.covers(member_key)

    def others(self, raw: Iterable[str]) -> set[str]:
        """Those of raw member ids that were not erased."""
        return {one for one in raw if not self.covers(self._hashed(one))} if self._erased else set(raw)

    def row(self, resource: str, crossed: "Crossed", raw: Mapping[str, Any]) -> "Crossed | None":
        """A row as it may land; None for one of an erased member. `raw` is what it was made of."""
        if self._erased is None:
            return crossed
        record = self._erased.cleared(resource, crossed.record)
        if record is None:
            return None
        if record.sealed is not None and self._named_in(raw, {path.rpartition(".")[2] for path in crossed.unknown}):
            record = replace(record, sealed=None)  # the digest stays: an erasure removes these bytes the same way
        if record is crossed.record:
            return crossed
        contacts = {key: of for key, of in (crossed.contacts or {}).items() if not self.covers(key)}
        return replace(crossed, record=record, contacts=contacts or None)

    def bad(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row for quarantine, without the keys of erased members."""
        text = row.get("row")
        if self._erased is None or not isinstance(text, str):
            return row
        return {**row, "row": self._erased.nameless(text)}

    def _named_in(self, raw: Mapping[str, Any], unknown: set[str]) -> bool:
        """Whether one of the fields that no model knows is an erased member's id."""
        names = {name.removesuffix("[]") for name in unknown}
        return any(self.covers(self._hashed(text)) for text in _texts(raw, names, inside=False))


def _texts(value: Any, names: set[str], *, inside: bool) -> Iterator[str]:
    """Short texts in fields of these names, at any depth."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts(part, names, inside=inside or name in names)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part, names, inside=inside)
    elif inside and isinstance(value, str) and 0 < len(value) <= _LONGEST_ID:
        yield value
