"""Models compiled for the privacy line: a Struct that decodes, and what is to be done with each of its fields.

The compiled Struct has the model's fields in the API's order, in which they are found quickest; it lacks what is
dropped, and has what the line adds. Done once a model. Does not belong here: doing it to a row (`line_row.py`).
"""

import functools
import operator
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from cafe24_pipelines.cafe24.field_policy import (
    MEMBER_IDS,
    OWN_ADDRESSES,
    OWN_MAILS,
    OWN_NAMES,
    OWN_NUMBERS,
    REGION_FROM,
    Becomes,
    becomes,
)

_ADDED: Final = str | UnsetType | None
_ADDED_MANY: Final = list[str | None] | UnsetType | None


class Fields:
    """Some fields of a model, and a quick way to read them all."""

    __slots__ = ("names", "of")

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.of = _getter(self.names)


def _fields(names: Iterable[str]) -> Fields | None:
    """None for no field at all, which is quicker to ask about than an empty one."""
    held = tuple(_attribute(n) for n in names)
    return Fields(held) if held else None


class Node:
    """One model, compiled. Field names are the API's own, which are the compiled Struct's attributes too."""

    def __init__(self, model: type[msgspec.Struct]) -> None:
        fields = {f.encode_name: f for f in msgspec.structs.fields(model)}
        told = {n: becomes(model.__name__, n) for n in fields}
        models = {n: m for n, f in fields.items() if (m := _model_in(f.type)) is not None}
        scalars = [n for n, f in fields.items() if n not in models and not _is_list(f.type) and f.type is not Any]

        def those(*what: Becomes | None, among: Iterable[str] = scalars) -> list[str]:
            return [n for n in among if told[n] in what]

        self.name = model.__name__
        self.known = frozenset(fields)
        self.children = tuple((n, node_of(m)) for n, m in models.items())
        self.children_of = _getter(tuple(models))
        self.decimals = _fields(n for n in scalars if _is(fields[n].type, "decimal"))
        self.nullish = _fields(n for n in scalars if _is(fields[n].type, "null"))
        self.written = _fields(those(Becomes.WRITTEN))
        self.worded = _fields(those(Becomes.WORDED))
        self.coded = _fields(those(Becomes.CODED))
        self.numbered = _fields(those(Becomes.NUMBERED, among=fields))
        listed = [n for n, f in fields.items() if n not in models and _is_list(f.type)]
        self.lists = _fields(those(Becomes.WORDED, Becomes.CODED, Becomes.WRITTEN, among=listed))
        self.open = _fields(n for n, f in fields.items() if f.type is Any and told[n] is not Becomes.DROPPED)
        dropped = those(Becomes.DROPPED, among=fields)
        self.hashed = tuple((n, MEMBER_IDS[n]) for n in those(Becomes.HASHED, among=fields))
        self.given = frozenset(n for n, _ in self.hashed if fields[n].required)
        self.names = tuple(n for n in dropped if n in OWN_NAMES)
        self.numbers = tuple(n for n in dropped if n in OWN_NUMBERS)
        self.addresses = tuple(n for n in dropped if n in OWN_ADDRESSES)
        self.mails = tuple(n for n in dropped if n in OWN_MAILS)
        self.region = REGION_FROM.get(self.name, ())
        self.personal = bool(self.hashed or self.names or self.numbers or self.addresses or self.mails or self.region)
        self.amounts_only = not (
            self.worded or self.written or self.lists or self.open or self.nullish or self.personal or self.children
        )
        gone = {*dropped, *(n for n, _ in self.hashed)}
        self.struct = _struct(self, {n: f for n, f in fields.items() if n not in gone})


@functools.cache
def node_of(model: type[msgspec.Struct]) -> Node:
    """The compiled form of a model."""
    return Node(model)


def _attribute(name: str) -> str:
    """The compiled Struct's attribute for a field: its own name, but for the depths of a category ("1" to "4")."""
    return name if name.isidentifier() else f"n{name}"


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that reads these attributes as a tuple, however many they are."""
    if not names:
        return lambda _: ()
    if len(names) == 1:
        one = operator.attrgetter(names[0])
        return lambda row: (one(row),)
    return operator.attrgetter(*names)


def _struct(node: Node, fields: dict[str, msgspec.structs.FieldInfo]) -> type[msgspec.Struct]:
    typed: dict[str, Any] = {n: _compiled(f.type) for n, f in fields.items()}
    for source, target in node.hashed:
        typed[target] = _ADDED_MANY if source.endswith("_list") else _ADDED
    if node.region:
        typed["region"] = _ADDED
    required = {n for n, f in fields.items() if f.required}
    declared = [(_attribute(n), typed[n]) if n in required else (_attribute(n), typed[n], UNSET) for n in typed]
    spelt = {_attribute(n): n for n in typed}
    return msgspec.defstruct(node.name, declared, kw_only=True, gc=False, rename=spelt)


def _compiled(kind: Any) -> Any:
    """The same type with models replaced by their compiled Structs."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return node_of(kind).struct
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, (_compiled(k) for k in inner))
    if origin is list:
        return list[_compiled(inner[0])]  # type: ignore[misc]
    return kind


def _model_in(kind: Any) -> type[msgspec.Struct] | None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if typing.get_origin(kind) is typing.Annotated:
        return None
    return next((m for k in typing.get_args(kind) if (m := _model_in(k)) is not None), None)


def _is_list(kind: Any) -> bool:
    return typing.get_origin(kind) is list or any(_is_list(k) for k in typing.get_args(kind))


def _is(kind: Any, mark: str) -> bool:
    """Whether a type of `models/types.py` carries that mark."""
    if typing.get_origin(kind) is typing.Annotated:
        return any((getattr(m, "extra", None) or {}).get(mark) for m in kind.__metadata__)
    return any(_is(k, mark) for k in typing.get_args(kind))
