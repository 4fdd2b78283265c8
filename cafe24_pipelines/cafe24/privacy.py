"""The privacy line: what personal data becomes before anything is written.

Member ids become keyed hashes, personal columns are left out, and personal patterns in free text are masked (how, and
which side that errs on: `masking/`). The key is per mall: derived from `CAFE24_ENCRYPTION_KEY` when that is set (so
that hashes agree between machines), else a random file under `CAFE24_HOME/keys`. The sandbox's members are invented,
so its key is a constant.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cafe24_pipelines.cafe24.field_policy import DROPPED, MEMBER_IDS, OWN_ADDRESSES, OWN_MAILS, OWN_NAMES, OWN_NUMBERS
from cafe24_pipelines.cafe24.masking import mask_text
from cafe24_pipelines.cafe24.masking.own import OwnValues
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import create_once

__all__ = ["PERSONAL_COLUMNS", "Pseudonyms", "mask_own", "mask_text", "pseudonyms"]

PERSONAL_COLUMNS = DROPPED | MEMBER_IDS.keys()
"""Admin API field names that never pass the line (a member id passes as its hash, in `member_key`)."""

REMEMBERED: Final = 50_000
"""Hashes kept at hand, as orders name the same members again; a mall may have millions."""


class Pseudonyms:
    """Keyed hashes of member ids for one mall: 32 hex digits, the same id always the same hash."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._seen: dict[str, str] = {}

    def of(self, member_id: str | None) -> str | None:
        """The hash of a member id; None or blank (a guest) stays None."""
        if member_id is None or not (text := member_id.strip()):
            return None
        known = self._seen.get(text)
        if known is None:
            if len(self._seen) >= REMEMBERED:
                self._seen.clear()
            known = self._seen[text] = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]
        return known

    def of_all(self, member_ids: Iterable[str | None]) -> list[str | None]:
        """The hashes of many ids, in order."""
        return [self.of(m) for m in member_ids]


def pseudonyms(settings: Settings, mall_id: str) -> Pseudonyms:
    """The hasher of a mall; makes and stores a random key the first time when none is configured.

    Raises:
        ConfigError: the stored key is damaged.
    """
    if mall_id == SANDBOX_MALL:
        return Pseudonyms(b"the sandbox mall's members are invented")
    if settings.encryption_key:
        return Pseudonyms(hmac.new(settings.encryption_key.encode(), mall_id.encode(), hashlib.sha256).digest())
    path = settings.home.keys / f"{mall_id}.key"
    try:
        key = bytes.fromhex(create_once(path, lambda: secrets.token_hex(32)).strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigError(
            "the pseudonym key is damaged", where=str(path),
            remedy="restore it from a backup: with a new key every member would look like a new one",
        )  # fmt: skip
    return Pseudonyms(key)


def mask_own(texts: Sequence[str | None], people: Mapping[str, Sequence[str | None]]) -> list[str | None]:
    """What people wrote, row by row, without the personal values of the same row; patterns are left to `mask_text`.

    Args:
        texts: one text a row.
        people: columns of the same length by the Admin API's field name, such as writer or member_id; others are
            left unread.
    """
    masked: list[str | None] = []
    held = [(kind, people[name]) for kind, names in _OWN for name in sorted(names & people.keys())]
    for row, text in enumerate(texts):
        own = OwnValues()
        for kind, column in held:
            getattr(own, kind).append(column[row])
        masked += own.mask([text]) if text else [text]
    return masked


_OWN: Final = (
    ("names", OWN_NAMES), ("ids", MEMBER_IDS.keys()), ("mails", OWN_MAILS), ("numbers", OWN_NUMBERS),
    ("addresses", OWN_ADDRESSES),
)  # fmt: skip
