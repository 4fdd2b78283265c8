"""Encryption at rest, per mall and purpose: tokens, unknown fields, opt-in contact tables.

Keys derive from `CAFE24_ENCRYPTION_KEY` (HKDF), so that machines agree and nothing can be opened without it. Where it
is unset, a random file under `CAFE24_HOME/keys` stands in, readable by its owner alone. Does not belong here: what is
sealed, or where it is kept.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final, Literal

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import create_once

Purpose = Literal["tokens", "unknown-fields", "contacts", "erasures"]
KEY_FILE: Final = "sealing.key"


class Seal:
    """Authenticated encryption (Fernet) and keyed fingerprints with one 32-byte key."""

    def __init__(self, key: bytes) -> None:
        from cryptography.fernet import Fernet

        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._key = key

    def seal(self, plain: bytes) -> bytes:
        """Encrypt; twice the same plain text gives different bytes (see `fingerprint`)."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt.

        Raises:
            ConfigError: the bytes were sealed with another key, or were changed.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as e:
            raise ConfigError(
                "sealed data can't be opened with this key",
                remedy="set CAFE24_ENCRYPTION_KEY to the key it was sealed with",
            ) from e

    def fingerprint(self, plain: bytes) -> str:
        """A keyed hash, 32 hex digits: equal exactly when the plain text is, and says nothing about it."""
        return hmac.new(self._key, b"fingerprint:" + plain, hashlib.sha256).hexdigest()[:32]


def seal_for(settings: Settings, mall_id: str, purpose: Purpose) -> Seal:
    """The mall's seal for one purpose.

    Raises:
        ConfigError: the key file is damaged.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    root = settings.encryption_key.encode() or _key_file(settings)
    info = f"cafe24-pipelines/{purpose}/{mall_id}".encode()
    return Seal(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(root))


def _key_file(settings: Settings) -> bytes:
    path = settings.home.keys / KEY_FILE
    text = create_once(path, lambda: secrets.token_hex(32)).strip()
    if len(text) != 64:
        raise ConfigError("the sealing key is damaged", where=str(path),
                          remedy="restore it from a backup, or set CAFE24_ENCRYPTION_KEY")  # fmt: skip
    return text.encode()
