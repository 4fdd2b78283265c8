"""Records that are made up from a key and a version."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.stores.records import ApiLake, Record

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def make(
    key: str, version: Any = 0, *, bucket: str = "all", day: float | None = 0, sealed: bytes | None = None
) -> Record:
    body = json.dumps({"key": key, "version": version}, sort_keys=True, separators=(",", ":")).encode()
    at = None if day is None else BEGIN + timedelta(days=day)
    return Record(key, bucket, at, body, sealed, hashlib.md5(body + (sealed or b"")).hexdigest())


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    return make


@pytest.fixture
def lake(tmp_path: Path) -> ApiLake:
    return ApiLake(tmp_path / "lake" / "shop" / "api", "shop")
