"""The privacy line: what personal data becomes before anything is written.

Member ids become keyed hashes, personal columns are left out, and personal patterns in free text are masked. The
key is per mall: derived from `CAFE24_ENCRYPTION_KEY` when that is set (so that hashes agree between machines),
else a random file under `CAFE24_HOME/keys`. The sandbox's members are invented, so its key is a constant.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

from cafe24_pipelines.cafe24.field_policy import DROPPED, MEMBER_IDS
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import create_once

PERSONAL_COLUMNS = DROPPED | MEMBER_IDS.keys()
"""Admin API field names that never pass the line (a member id passes as its hash, in `member_key`)."""

_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[이메일]"),
    (re.compile(r"(?<!\d)\d{6}[-\s]?[1-8]\d{6}(?!\d)"), "[주민번호]"),
    (re.compile(r"(?<!\d)(?:\+82[-\s]?|0)1[016789][-.\s]?\d{3,4}[-.\s]?\d{4}(?!\d)"), "[전화번호]"),
    (re.compile(r"(?<!\d)0(?:2|[3-6]\d|70)[-.\s]\d{3,4}[-.\s]\d{4}(?!\d)"), "[전화번호]"),
)


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


def mask_text(text: str) -> str:
    """Free text with e-mail addresses, phone and resident numbers replaced by a Korean placeholder."""
    for pattern, placeholder in _MASKS:
        text = pattern.sub(placeholder, text)
    return text
