"""Settings: one frozen object read from the environment, and the folders under `CAFE24_HOME`.

Read when a command or a run starts, never while a module loads. Every variable is listed in `.env.example`.
Does not belong here: building clients (see `resources/`).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.names import SANDBOX_MALL

PROFILES = ("embedded", "server")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Home:
    """The folders of one installation. Nothing is created until something is written."""

    root: Path

    @property
    def lake(self) -> Path:
        """Landed truth, Parquet per mall and resource."""
        return self.root / "lake"

    @property
    def events(self) -> Path:
        """The event log (SQLite)."""
        return self.root / "events.db"

    @property
    def graph(self) -> Path:
        """Embedded graph builds, one folder a mall."""
        return self.root / "graph"

    @property
    def vectors(self) -> Path:
        """Embedded vector builds, one folder a mall and collection, and the fitted encoders."""
        return self.root / "vectors"

    @property
    def analytics(self) -> Path:
        """CRM tables (RFM, cohorts), one folder a mall."""
        return self.root / "analytics"

    @property
    def patterns(self) -> Path:
        """Discovered patterns, one folder a mall."""
        return self.root / "patterns"

    @property
    def answers(self) -> Path:
        """Verified answers, one folder a mall."""
        return self.root / "answers"

    @property
    def datasets(self) -> Path:
        """Fine-tune data sets, one folder a mall."""
        return self.root / "datasets"

    @property
    def keys(self) -> Path:
        """Per-mall pseudonym keys, readable by the owner only."""
        return self.root / "keys"

    @property
    def state(self) -> Path:
        """What processes of one installation share: tokens (sealed), call budgets, leases (SQLite)."""
        return self.root / "state.db"

    @property
    def contacts(self) -> Path:
        """Encrypted side tables of malls that opted in to keep contact fields."""
        return self.root / "contacts"

    @property
    def sandbox(self) -> Path:
        """Malls that `cafe24 sandbox` serves: invented, and no part of what this installation knows."""
        return self.root / "sandbox"

    @property
    def dagster(self) -> Path:
        """The embedded Dagster instance."""
        return self.root / "dagster"

    @property
    def writer_lock(self) -> Path:
        """Held by the one run that writes; readers never take it."""
        return self.root / "writer.lock"


@dataclass(frozen=True)
class Settings:
    """What the environment says. Unset text variables are empty strings; secrets stay out of `repr`."""

    home: Home
    profile: str = "embedded"
    graph: str = "embedded"  # embedded | neo4j
    vectors: str = "embedded"  # embedded | qdrant
    mall_id: str = SANDBOX_MALL
    encryption_key: str = field(default="", repr=False)
    api_url: str = "https://{mall_id}.cafe24api.com"
    analytics_url: str = "https://ca-api.cafe24data.com"
    api_version: str = "2026-03-01"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""
    extra_scopes: tuple[str, ...] = ()  # as "mall.read_privacy"; asked for beside the default ones
    refresh_token: str = field(default="", repr=False)
    webhook_key: str = field(default="", repr=False)
    state_url: str = field(default="", repr=False)
    neo4j_uri: str = ""
    neo4j_user: str = "neo4j"
    neo4j_password: str = field(default="", repr=False)
    qdrant_url: str = ""
    qdrant_api_key: str = field(default="", repr=False)
    qdrant_grpc: bool = False
    qdrant_grpc_port: int = 6334
    qdrant_shards: int = 1
    qdrant_replicas: int = 1
    llm_model: str = "local/extractive"
    llm_api_base: str = ""
    llm_api_key: str = field(default="", repr=False)
    embedding_model: str = ""
    tokenizer_file: str = ""
    api_docs_source: str = ""
    sandbox_customers: int = 2400
    sandbox_seed: int = 20260401

    @property
    def api_is_local(self) -> bool:
        """Whether a server on this machine stands in for the Admin API."""
        return urlsplit(self.api_url.replace("{mall_id}", "mall")).hostname in LOOPBACK

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, *, home: str | Path | None = None) -> "Settings":
        """Read settings from `env` (default: the process environment); `home` overrides `CAFE24_HOME`.

        Raises:
            ConfigError: a variable has a value that is not one of the allowed ones.
        """
        e = os.environ if env is None else env
        profile = _choice(e, "CAFE24_PROFILE", "embedded", PROFILES)
        server = profile == "server"
        root = Path(home or e.get("CAFE24_HOME") or ".cafe24").expanduser().resolve()
        if root.exists() and not root.is_dir():
            raise ConfigError("not a folder", where=str(root), remedy="set CAFE24_HOME or --home to a folder")
        return cls(
            home=Home(root),
            profile=profile,
            graph=_choice(e, "CAFE24_GRAPH", "neo4j" if server else "embedded", ("embedded", "neo4j")),
            vectors=_choice(e, "CAFE24_VECTORS", "qdrant" if server else "embedded", ("embedded", "qdrant")),
            mall_id=e.get("CAFE24_MALL_ID") or SANDBOX_MALL,
            encryption_key=e.get("CAFE24_ENCRYPTION_KEY", ""),
            api_url=_http_url(e, "CAFE24_API_URL", cls.api_url),
            analytics_url=_http_url(e, "CAFE24_ANALYTICS_URL", cls.analytics_url),
            api_version=_version(e),
            client_id=e.get("CAFE24_CLIENT_ID", ""),
            client_secret=e.get("CAFE24_CLIENT_SECRET", ""),
            redirect_uri=e.get("CAFE24_REDIRECT_URI", ""),
            extra_scopes=_scopes(e),
            refresh_token=e.get("CAFE24_REFRESH_TOKEN", ""),
            webhook_key=e.get("CAFE24_WEBHOOK_KEY", ""),
            state_url=e.get("CAFE24_STATE_URL", ""),
            neo4j_uri=e.get("NEO4J_URI", ""),
            neo4j_user=e.get("NEO4J_USER") or "neo4j",
            neo4j_password=e.get("NEO4J_PASSWORD", ""),
            qdrant_url=e.get("QDRANT_URL", ""),
            qdrant_api_key=e.get("QDRANT_API_KEY", ""),
            qdrant_grpc=_choice(e, "QDRANT_GRPC", "0", ("0", "1")) == "1",
            qdrant_grpc_port=_number(e, "QDRANT_GRPC_PORT", 6334),
            qdrant_shards=max(1, _number(e, "QDRANT_SHARDS", 1)),
            qdrant_replicas=max(1, _number(e, "QDRANT_REPLICAS", 1)),
            llm_model=e.get("LLM_MODEL") or "local/extractive",
            llm_api_base=e.get("LLM_API_BASE", ""),
            llm_api_key=e.get("LLM_API_KEY", ""),
            embedding_model=e.get("EMBEDDING_MODEL", ""),
            tokenizer_file=e.get("CAFE24_TOKENIZER_FILE", ""),
            api_docs_source=e.get("CAFE24_API_DOCS", ""),
            sandbox_customers=_number(e, "CAFE24_SANDBOX_CUSTOMERS", 2400),
            sandbox_seed=_number(e, "CAFE24_SANDBOX_SEED", 20260401),
        )


def _choice(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name) or default
    if value not in allowed:
        raise ConfigError(f"{name}={value!r} is unknown", remedy=f"use one of: {', '.join(allowed)}")
    return value


def _http_url(env: Mapping[str, str], name: str, default: str) -> str:
    """A base address; tokens travel to it, so plain HTTP is for this machine alone."""
    url = (env.get(name) or default).rstrip("/")
    parts = urlsplit(url.replace("{mall_id}", "mall"))
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url
    raise ConfigError(f"{name}={url!r} is not an https address", remedy="plain http is accepted for loopback only")


def _scopes(env: Mapping[str, str]) -> tuple[str, ...]:
    """Scopes as the API names them; `privacy` is short for `mall.read_privacy`."""
    found = []
    for name in (part.strip() for part in env.get("CAFE24_EXTRA_SCOPES", "").split(",") if part.strip()):
        match = re.fullmatch(r"(?:mall\.)?(?:(read|write)_)?([a-z]+)", name)
        if not match:
            raise ConfigError(f"CAFE24_EXTRA_SCOPES: {name!r} is not a scope", remedy="write privacy,write_customer")
        found.append(f"mall.{match[1] or 'read'}_{match[2]}")
    return tuple(found)


def _version(env: Mapping[str, str]) -> str:
    value = env.get("CAFE24_API_VERSION") or Settings.api_version
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ConfigError(f"CAFE24_API_VERSION={value!r} is not a version", remedy="use a date such as 2026-03-01")
    return value


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name) or str(default)
    if not (value.isascii() and value.isdigit()):
        raise ConfigError(f"{name}={value!r} is not a whole number", remedy=f"unset it for the default {default}")
    return int(value)
