"""The types that fields of the API come in.

A field that an answer leaves out is UNSET, which is not the same as null: both are kept apart in what is landed.
Does not belong here: what becomes of a field (`cafe24/field_policy.py`).
"""

from typing import Annotated, Any

import msgspec
from msgspec import UnsetType

Text = str | UnsetType | None
Given = str | None
"""Text of a field that every answer has, be it null: a row without it is malformed."""

Money = Annotated[str, msgspec.Meta(extra={"decimal": True})] | UnsetType | None
"""A decimal number in a string: "12000.00"; anything else is malformed."""

Nullish = Annotated[str, msgspec.Meta(extra={"null": True})] | UnsetType | None
"""Text that is "null" in some answers where nothing is meant; it is read as null."""

Whole = int | UnsetType | None
"""A whole number; some answers write it as a string, which is read as the number."""

Code = int | str | UnsetType | None
"""A number in some answers and a string in others."""

Number = int | float | UnsetType | None
Figure = int | float | str | UnsetType | None
"""An amount or a rate of the Analytics API: a number in some answers, a number in a string in others."""
Truth = bool | UnsetType | None
Texts = list[str | None] | UnsetType | None
Wholes = list[int | None] | UnsetType | None

Undocumented = Any
"""No source shows a value. Scalars and lists of scalars pass (text as free text); objects count as unknown."""


class Row(msgspec.Struct):
    """Base of everything an answer holds."""
