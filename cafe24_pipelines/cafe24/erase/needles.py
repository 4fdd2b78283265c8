"""What identifies one member in an installation, and how it is found in texts and bytes.

Three things: the raw id (which should lie nowhere in the clear), the member key that stands for it behind the privacy
line, and the uid of the member's node in the graph. Keys and uids are 128-bit hashes, so wherever their letters stand
they mean this member. A raw id may be an ordinary word ("haneul") or a small number: such an id is looked for only as
the whole value of a field that is about members; any other id wherever it stands by itself.

Nothing here writes, and no `repr` shows an identifier.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.privacy import Pseudonyms

MEMBER_ID: Final = "member id"
MEMBER_KEY: Final = "member key"
NODE: Final = "graph node"
GONE: Final = "[erased]"
_EDGE: Final = "0-9A-Za-z_"


@dataclass(frozen=True)
class Needles:
    """The identifiers of one member of one mall; `member_id` is "" when only the key is known."""

    member_key: str = field(repr=False)
    node: str = field(repr=False)
    member_id: str = field(default="", repr=False)

    @cached_property
    def plain_word(self) -> bool:
        """Whether the raw id could as well stand for something else."""
        text = self.member_id
        return len(text) < 5 or text.isalpha() or (text.isdigit() and len(text) < 10)

    @cached_property
    def _raw(self) -> "re.Pattern[str] | None":
        if not self.member_id:
            return None
        escaped = self.member_id.encode("ascii", "backslashreplace").decode()
        forms = "|".join(sorted({re.escape(self.member_id), re.escape(escaped)}))
        if self.plain_word:
            return re.compile(rf"member\w*[\"']?\s*[:=]\s*[\"']?(?:{forms})(?![{_EDGE}])")
        return re.compile(rf"(?<![{_EDGE}])(?:{forms})(?![{_EDGE}])")

    @cached_property
    def _raw_bytes(self) -> "re.Pattern[bytes] | None":
        """As `_raw`; in binary files a letter beside a long id may be a length, so it is no edge there."""
        if self._raw is None:
            return None
        if self.plain_word or len(self.member_id) < 8:
            return re.compile(self._raw.pattern.encode())
        return re.compile(re.escape(self.member_id.encode()))

    def kinds_in(self, value: Any, name: str = "") -> list[str]:
        """Which identifiers a value holds; `name` is that of its field."""
        text = value if isinstance(value, str) else str(value)
        found = [kind for kind, needle in ((MEMBER_KEY, self.member_key), (NODE, self.node)) if needle in text]
        if self._raw and (self._raw.search(text) or (self._whole(text) and "member" in name.lower())):
            found.append(MEMBER_ID)
        return found

    def kinds_in_bytes(self, data: bytes) -> list[str]:
        """Which identifiers stand in bytes: as UTF-8, as the wide letters of NumPy arrays, a uid as its 16 bytes."""
        found = [kind for kind, forms in self._forms.items() if any(form in data for form in forms)]
        if self._raw_bytes and MEMBER_ID not in found and self._raw_bytes.search(data):
            found.append(MEMBER_ID)
        return found

    @cached_property
    def _forms(self) -> dict[str, tuple[bytes, ...]]:
        wide = ("utf-16-le", "utf-32-le")
        forms = {
            kind: tuple(text.encode(coding) for coding in ("utf-8", *wide))
            for kind, text in ((MEMBER_KEY, self.member_key), (NODE, self.node))
        }
        forms[NODE] += (bytes.fromhex(self.node.replace("-", "")),)
        if self.member_id and not self.plain_word:
            forms[MEMBER_ID] = tuple(self.member_id.encode(coding) for coding in wide)
        return forms

    def without(self, text: str, name: str = "") -> str:
        """The text with every identifier replaced by a placeholder."""
        text = text.replace(self.member_key, GONE).replace(self.node, GONE)
        if self._raw is None:
            return text
        return GONE if self._whole(text) and "member" in name.lower() else self._raw.sub(GONE, text)

    def _whole(self, text: str) -> bool:
        return text.strip() == self.member_id


def needles_of(mall_id: str, member_id: str, hasher: "Pseudonyms") -> Needles:
    """The identifiers of a member, by the id that the shop knows."""
    from cafe24_pipelines.stores.graph import uid

    key = hasher.of(member_id) or ""
    return Needles(key, uid(mall_id, "CRM_Customer", key), member_id.strip())


def cleaned(value: Any, needles: Needles, name: str = "") -> Any:
    """A JSON value without the identifiers: texts lose the lines that hold one, fields that are one become null.

    In a mapping, entries whose key is an identifier go; in a list, elements that are one.
    """
    if isinstance(value, dict):
        return {k: cleaned(v, needles, k) for k, v in value.items() if not needles.kinds_in(k)}
    if isinstance(value, list):
        kept = [v for v in value if not (isinstance(v, str) and _is_identifier(v, needles, name))]
        return [cleaned(v, needles, name) for v in kept]
    if not isinstance(value, str) or not needles.kinds_in(value, name):
        return value
    if _is_identifier(value, needles, name):
        return None
    lines = [line for line in value.split("\n") if not needles.kinds_in(line, name)]
    return "\n".join(lines) if "\n" in value else needles.without(value, name)


def _is_identifier(text: str, needles: Needles, name: str) -> bool:
    return needles.without(text, name) == GONE
