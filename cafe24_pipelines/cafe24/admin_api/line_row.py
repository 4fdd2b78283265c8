"""One row of the API on its way across the privacy line: read by its model, walked, masked.

Does not belong here: keys, digests and what is sealed (`line.py`), or which field becomes what (`field_policy.py`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from cafe24_pipelines.cafe24.admin_api.line_nodes import Fields, Node
from cafe24_pipelines.cafe24.admin_api.line_text import region_of, spelt_as_personal
from cafe24_pipelines.cafe24.masking.own import OwnValues
from cafe24_pipelines.cafe24.privacy import mask_text
from cafe24_pipelines.errors import Cafe24Error

Path = tuple[Any, str, int]
"""Where in a row: the path before, a field, and which of a list (-1 for none); spelt out only when asked for."""


class Malformed(Cafe24Error):
    """A row does not have the form its model says. Carries no value of the row.

    Attributes:
        field: dotted path, such as items[].quantity.
        reason: what is wrong with it.
    """

    def __init__(self, field: str, reason: str, *, resource: str = "") -> None:
        self.field, self.reason = field, reason
        super().__init__(f"{field}: {reason}", where=resource, remedy="the row is quarantined; others go on")


class Respell(Exception):
    """Some key has spaces around it."""


class _Seen(set[Any]):
    """Values that were looked at and found in order: most come again, and a set is asked about many at a time."""

    ROOM = 100_000

    def __init__(self, *always: Any) -> None:
        super().__init__(always)
        self._always = always

    def keep(self, value: str) -> None:
        if len(self) > self.ROOM:
            self.clear()
            self.update(self._always)
        self.add(value)


_NOTHING: Final = frozenset({None, UNSET})
_DECIMALS: Final = _Seen(None, UNSET, "")
_CLEAN: Final = _Seen(None, UNSET, "")
_DECIMAL: Final = re.compile(r"[+-]?\d+(\.\d+)?")
LONG: Final = 200
"""Characters from which a text is not likely to come again."""


class Crossing:
    """What is gathered while one row is walked."""

    __slots__ = ("_hash", "_resource", "members", "own", "unknown", "written")

    def __init__(self, hasher: Callable[[str], str | None], resource: str) -> None:
        self._hash, self._resource = hasher, resource
        self.unknown: dict[str, Any] = {}
        self.members: set[str] = set()
        self.own = OwnValues()
        self.written: list[tuple[Any, str, str]] = []

    def walk(self, node: Node, found: Any, row: Mapping[str, Any], path: Path | None) -> None:
        """Apply the policy to a decoded Struct and those inside; `row` is what it was decoded from.

        Raises:
            Malformed: an amount is not a number, or a member id not text or not given.
            Respell: a key has spaces around it.
        """
        if not node.known.issuperset(row):
            self._unknown(node, row, path)
        if node.decimals is not None and not _DECIMALS.issuperset(values := node.decimals.of(found)):
            self._check_decimals(node, values, path)
        if node.amounts_only:
            return
        if node.worded is not None and not _CLEAN.issuperset(values := node.worded.of(found)):
            _mask(found, node.worded, values)
        self._texts(node, found, path)
        if node.personal:
            self._personal(node, found, row, path)
        if node.children:
            for (name, child), inner in zip(node.children, node.children_of(found), strict=True):
                if inner.__class__ is list:
                    for n, one in enumerate(inner):
                        self.walk(child, one, row[name][n], (path, name, n))
                elif inner is not None and inner is not UNSET:
                    self.walk(child, inner, row[name], (path, name, -1))

    def _texts(self, node: Node, found: Any, path: Path | None) -> None:
        if node.lists is not None:
            _mask_lists(found, node.lists)
        if node.nullish is not None:
            _null(found, node.nullish)
        if node.written is not None and not _NOTHING.issuperset(values := node.written.of(found)):
            self._write_down(found, node.written, values)
        if node.open is not None:
            self._open(node.open, node, found, path)

    def mask_written(self) -> None:
        """Mask what people wrote, once all of the row's own values are known."""
        if self.written:
            texts = self.own.mask([text for _, _, text in self.written])
            for (found, name, before), own_masked in zip(self.written, texts, strict=True):
                if (text := _masked(own_masked)) is not before:
                    setattr(found, name, text)

    def _write_down(self, found: Any, fields: Fields, values: tuple[Any, ...]) -> None:
        for name, value in zip(fields.names, values, strict=True):
            if value.__class__ is str and value:
                self.written.append((found, name, value))

    def _personal(self, node: Node, found: Any, row: Mapping[str, Any], path: Path | None) -> None:
        own = self.own
        if node.names:
            own.names.extend(map(row.get, node.names))
        if node.numbers:
            own.numbers.extend(map(row.get, node.numbers))
        if node.addresses:
            own.addresses.extend(map(row.get, node.addresses))
        if node.mails:
            own.mails.extend(map(row.get, node.mails))
        if node.region and (region := region_of(map(row.get, node.region))) is not None:
            found.region = region
        for name, target in node.hashed:
            if name not in row:
                if name in node.given:
                    raise Malformed(spelt((path, name, -1), plain=True), "missing", resource=self._resource)
                continue
            value = row[name]
            many = value.__class__ is list
            if not all(v is None or v.__class__ is str for v in (value if many else (value,))):
                raise Malformed(spelt((path, name, -1), plain=True), "not text", resource=self._resource)
            own.ids.extend(value if many else (value,))
            setattr(found, target, [self._hash(v) for v in value] if many else value and self._hash(value))
            if name == "member_id" and value and (member := value.strip()):
                self.members.add(member)

    def _open(self, fields: Fields, node: Node, found: Any, path: Path | None) -> None:
        """Fields whose values no source shows: objects are unknown, text is as if people had written it."""
        values = fields.of(found)
        try:
            if _NOTHING.issuperset(values):
                return
        except TypeError:  # a list or an object can't be asked about
            pass
        for name, value in zip(fields.names, values, strict=True):
            if value.__class__ is dict or (value.__class__ is list and any(_is_nested(v) for v in value)):
                self.unknown[spelt((path, name, -1))] = value
                setattr(found, name, UNSET)
            elif value.__class__ is list:
                setattr(found, name, [mask_text(v) if v.__class__ is str else v for v in value])
            elif value.__class__ is str and value and not _is_numbered(node, name):
                self.written.append((found, name, value))

    def _unknown(self, node: Node, row: Mapping[str, Any], path: Path | None) -> None:
        for name in row.keys() - node.known:
            if name != name.strip():
                raise Respell
            self.unknown[spelt((path, name, -1))] = row[name]

    def _check_decimals(self, node: Node, values: tuple[Any, ...], path: Path | None) -> None:
        for name, value in zip(node.decimals.names if node.decimals is not None else (), values, strict=True):
            if value not in _DECIMALS:
                if not _DECIMAL.fullmatch(value):
                    where = spelt((path, name, -1), plain=True)
                    raise Malformed(where, "not a decimal number", resource=self._resource)
                _DECIMALS.keep(value)


def _mask(found: Any, fields: Fields, values: tuple[Any, ...]) -> None:
    for name, value in zip(fields.names, values, strict=True):
        if value.__class__ is str and (new := _masked(value)) is not value:
            setattr(found, name, new)


def _null(found: Any, fields: Fields) -> None:
    for name, value in zip(fields.names, fields.of(found), strict=True):
        if value == "null":
            setattr(found, name, None)


def _masked(value: str) -> str:
    if value in _CLEAN:
        return value
    new = mask_text(value)
    if new != value:
        return new
    if len(value) <= LONG:
        _CLEAN.keep(value)
    return value


def _mask_lists(found: Any, fields: Fields) -> None:
    for name, value in zip(fields.names, fields.of(found), strict=True):
        if value.__class__ is list and not _CLEAN.issuperset(value):
            setattr(found, name, [_masked(v) if v.__class__ is str else v for v in value])


def _is_numbered(node: Node, name: str) -> bool:
    return node.numbered is not None and name in node.numbered.names


def _is_nested(value: Any) -> bool:
    return value.__class__ is dict or value.__class__ is list


def spelt(path: Path, *, plain: bool = False) -> str:
    """A path as text: items[0].name, or items[].name when `plain`."""
    before, name, n = path
    own = name if n < 0 else f"{name}[]" if plain else f"{name}[{n}]"
    return own if before is None else f"{spelt(before, plain=plain)}.{own}"


def mask_rest(node: Node, found: Any) -> None:
    """The last look: codes, times and numbers that hold what is spelt like something personal are masked."""
    if node.coded is not None:
        _mask(found, node.coded, node.coded.of(found))
    if node.numbered is not None:
        for name, value in zip(node.numbered.names, node.numbered.of(found), strict=True):
            if value.__class__ is str and spelt_as_personal(value):
                setattr(found, name, mask_text(value))
            elif value.__class__ is list:
                masked = [mask_text(v) if v.__class__ is str and spelt_as_personal(v) else v for v in value]
                setattr(found, name, masked)
    for (_, child), inner in zip(node.children, node.children_of(found), strict=True):
        for one in inner if inner.__class__ is list else () if inner is None or inner is UNSET else (inner,):
            mask_rest(child, one)


# -- reading -----------------------------------------------------------------------------------------------------

_AT: Final = re.compile(r" - at `\$(.*)`$")
_LACKS: Final = re.compile(r"missing required field `(.*?)`")


def read_row(node: Node, row: dict[str, Any], resource: str) -> Any:
    """A row as its compiled Struct.

    Raises:
        Malformed: a required field is missing or a field has the wrong type.
    """
    try:
        return msgspec.convert(row, node.struct, strict=False)  # "12" is read as 12 where a number is meant
    except msgspec.ValidationError as e:
        message = str(e)
        at = _AT.search(message)
        field = re.sub(r"\[[^\]]*\]", "[]", at.group(1)).lstrip(".") if at else ""
        reason = message[: at.start()] if at else message
        if lacks := _LACKS.search(message):
            field, reason = f"{field}.{lacks.group(1)}".lstrip("."), "missing"
        raise Malformed(field, reason, resource=resource) from None
    except (UnicodeError, ValueError, OverflowError):
        raise Malformed("", "not readable", resource=resource) from None


def respelt(value: Any) -> Any:
    """The same with spaces around keys taken away, at every depth."""
    if isinstance(value, dict):
        return {k.strip() if isinstance(k, str) else k: respelt(v) for k, v in value.items()}
    return [respelt(v) for v in value] if isinstance(value, list) else value
