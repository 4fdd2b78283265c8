"""Settings: one frozen object read from the environment, and the folders under `CAFE24_HOME`.

Read when a command or a run starts, never while a module loads. Every variable is listed in `.env.example`.
Does not belong here: building clients (see `resources/`).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
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
    def experiments(self) -> Path:
        """The comparison of arms: answers, scores and report, one folder a mall."""
        return self.root / "experiments"

    @property
    def research(self) -> Path:
        """Web research: what was fetched when, and each mall beside the claims, one folder a mall."""
        return self.root / "research"

    @property
    def reports(self) -> Path:
        """What merchants read: snapshot, pages and digests, one folder a mall."""
        return self.root / "reports"

    @property
    def exports(self) -> Path:
        """What a merchant who left may fetch until the removal, one folder a mall."""
        return self.root / "exports"

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
    def answer_cache(self) -> Path:
        """Replies of models that were paid for (SQLite), where LLM_CACHE keeps any."""
        return self.root / "answer_cache.db"

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
    llm_fallbacks: tuple[str, ...] = ()
    llm_timeout: int = 60
    llm_cache: int = 0  # replies kept on disk; 0 keeps none
    llm_budget_usd: float = 0.0  # a day and mall; 0 sets no bound
    llm_price_usd: tuple[float, float] | None = None  # input, output for a million tokens, where LiteLLM has no price
    krw_per_usd: tuple[float, str] | None = None  # the rate and its day
    finetuned_model: str = ""
    embedding_model: str = ""
    rerank_model: str = ""  # "" (off) | local/overlap | any LiteLLM rerank model
    rerank_api_base: str = ""
    rerank_api_key: str = field(default="", repr=False)
    tokenizer_file: str = ""
    api_docs_source: str = ""
    research_sources: str = ""  # a file like research/sources.yaml; "" is that one
    research_model: bool = False  # let LLM_MODEL propose claims beside the rules; each is checked against its page
    slack_webhook_url: str = field(default="", repr=False)
    report_url: str = ""  # where a mall's page is served, with {mall_id}; "" names the command that opens it
    quiet_hours: tuple[int, int] | None = (21 * 60, 8 * 60)  # minutes of the day in Seoul; None: never quiet
    digest_findings: int = 8
    default_plan: str = "pro"  # of malls without a plan event: free | basic | pro
    grace_days: int = 7  # between uninstallation and removal
    alert_routes: tuple[tuple[str, str], ...] = ()  # team (or *) and its sink, as sink or sink:target
    jira_url: str = ""
    jira_email: str = ""
    jira_token: str = field(default="", repr=False)
    jira_project: str = ""
    confluence_url: str = ""
    confluence_email: str = ""
    confluence_token: str = field(default="", repr=False)
    confluence_page_id: str = ""
    warmup_budget: tuple[float, str] = (0.0, "usd")  # a month; 0 warms nothing
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
        root = Path(home or e.get("CAFE24_HOME") or ".cafe24").expanduser().resolve()
        if root.exists() and not root.is_dir():
            raise ConfigError("not a folder", where=str(root), remedy="set CAFE24_HOME or --home to a folder")
        return cls(home=Home(root), **_stores(e), **_shop(e), **_models(e), **_outside(e))


def _stores(e: Mapping[str, str]) -> dict[str, Any]:
    """The back ends and where they are."""
    profile = _choice(e, "CAFE24_PROFILE", "embedded", PROFILES)
    server = profile == "server"
    return {
        "profile": profile,
        "graph": _choice(e, "CAFE24_GRAPH", "neo4j" if server else "embedded", ("embedded", "neo4j")),
        "vectors": _choice(e, "CAFE24_VECTORS", "qdrant" if server else "embedded", ("embedded", "qdrant")),
        "state_url": e.get("CAFE24_STATE_URL", ""),
        "neo4j_uri": e.get("NEO4J_URI", ""),
        "neo4j_user": e.get("NEO4J_USER") or "neo4j",
        "neo4j_password": e.get("NEO4J_PASSWORD", ""),
        "qdrant_url": e.get("QDRANT_URL", ""),
        "qdrant_api_key": e.get("QDRANT_API_KEY", ""),
        "qdrant_grpc": _choice(e, "QDRANT_GRPC", "0", ("0", "1")) == "1",
        "qdrant_grpc_port": _number(e, "QDRANT_GRPC_PORT", 6334),
        "qdrant_shards": max(1, _number(e, "QDRANT_SHARDS", 1)),
        "qdrant_replicas": max(1, _number(e, "QDRANT_REPLICAS", 1)),
    }


def _shop(e: Mapping[str, str]) -> dict[str, Any]:
    """The mall, its Admin API and the application that calls it."""
    return {
        "mall_id": e.get("CAFE24_MALL_ID") or SANDBOX_MALL,
        "encryption_key": e.get("CAFE24_ENCRYPTION_KEY", ""),
        "api_url": _http_url(e, "CAFE24_API_URL", Settings.api_url),
        "analytics_url": _http_url(e, "CAFE24_ANALYTICS_URL", Settings.analytics_url),
        "api_version": _version(e),
        "client_id": e.get("CAFE24_CLIENT_ID", ""),
        "client_secret": e.get("CAFE24_CLIENT_SECRET", ""),
        "redirect_uri": e.get("CAFE24_REDIRECT_URI", ""),
        "extra_scopes": _scopes(e),
        "refresh_token": e.get("CAFE24_REFRESH_TOKEN", ""),
        "webhook_key": e.get("CAFE24_WEBHOOK_KEY", ""),
        "default_plan": _choice(e, "CAFE24_DEFAULT_PLAN", "pro", ("free", "basic", "pro")),
        "grace_days": _number(e, "CAFE24_GRACE_DAYS", 7),
        "sandbox_customers": _number(e, "CAFE24_SANDBOX_CUSTOMERS", 2400),
        "sandbox_seed": _number(e, "CAFE24_SANDBOX_SEED", 20260401),
    }


def _models(e: Mapping[str, str]) -> dict[str, Any]:
    """The models, and what they may cost."""
    return {
        "llm_model": e.get("LLM_MODEL") or "local/extractive",
        "llm_api_base": e.get("LLM_API_BASE", ""),
        "llm_api_key": e.get("LLM_API_KEY", ""),
        "llm_fallbacks": tuple(m.strip() for m in e.get("LLM_FALLBACKS", "").split(",") if m.strip()),
        "llm_timeout": max(1, _number(e, "LLM_TIMEOUT_SECONDS", 60)),
        "llm_cache": _number(e, "LLM_CACHE", 0),
        "llm_budget_usd": _amount("LLM_BUDGET_USD", e.get("LLM_BUDGET_USD") or "0"),
        "llm_price_usd": _prices(e),
        "krw_per_usd": _krw_rate(e),
        "finetuned_model": e.get("FINETUNED_MODEL", ""),
        "embedding_model": e.get("EMBEDDING_MODEL", ""),
        "rerank_model": e.get("RERANK_MODEL", ""),
        "rerank_api_base": e.get("RERANK_API_BASE", ""),
        "rerank_api_key": e.get("RERANK_API_KEY", ""),
        "tokenizer_file": e.get("CAFE24_TOKENIZER_FILE", ""),
        "research_model": _choice(e, "CAFE24_RESEARCH_MODEL", "0", ("0", "1")) == "1",
        "warmup_budget": _warmup_budget(e),
    }


def _outside(e: Mapping[str, str]) -> dict[str, Any]:
    """What lies outside the mall: documentation and research pages, and where reports and alerts go."""
    return {
        "api_docs_source": e.get("CAFE24_API_DOCS", ""),
        "research_sources": e.get("CAFE24_RESEARCH_SOURCES", ""),
        "slack_webhook_url": _secret_url(e, "SLACK_WEBHOOK_URL"),
        "report_url": _http_url(e, "CAFE24_REPORT_URL"),
        "quiet_hours": _quiet_hours(e),
        "digest_findings": min(20, max(1, _number(e, "CAFE24_DIGEST_FINDINGS", 8))),
        "alert_routes": _routes(e),
        "jira_url": _http_url(e, "JIRA_URL"),
        "jira_email": e.get("JIRA_EMAIL", ""),
        "jira_token": e.get("JIRA_TOKEN", ""),
        "jira_project": e.get("JIRA_PROJECT", ""),
        "confluence_url": _http_url(e, "CONFLUENCE_URL"),
        "confluence_email": e.get("CONFLUENCE_EMAIL") or e.get("JIRA_EMAIL", ""),
        "confluence_token": e.get("CONFLUENCE_TOKEN") or e.get("JIRA_TOKEN", ""),
        "confluence_page_id": e.get("CONFLUENCE_PAGE_ID", ""),
    }


def _choice(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name) or default
    if value not in allowed:
        raise ConfigError(f"{name}={value!r} is unknown", remedy=f"use one of: {', '.join(allowed)}")
    return value


def _http_url(env: Mapping[str, str], name: str, default: str = "") -> str:
    """A base address ("" when unset without a default); tokens travel to it: plain HTTP is for this machine alone."""
    said = env.get(name) or default
    if not said:
        return ""
    url = said.rstrip("/")
    parts = urlsplit(url.replace("{mall_id}", "mall"))
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url
    raise ConfigError(f"{name}={url!r} is not an https address", remedy="plain http is accepted for loopback only")


def _secret_url(env: Mapping[str, str], name: str) -> str:
    """An address that is itself a secret ("" when unset); an error doesn't repeat it."""
    url = env.get(name, "").strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if url and not (host and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))):
        raise ConfigError(f"{name} is not an https address", remedy="plain http is accepted for loopback only")
    return url


def _quiet_hours(env: Mapping[str, str]) -> tuple[int, int] | None:
    """`CAFE24_QUIET_HOURS`: from-until in Seoul, such as 21:00-08:00; `none` for no quiet hours."""
    said = (env.get("CAFE24_QUIET_HOURS") or "21:00-08:00").strip()
    if said.lower() == "none":
        return None
    hour = r"([01]\d|2[0-3]):([0-5]\d)"
    match = re.fullmatch(rf"{hour}-{hour}", said)
    if not match:
        raise ConfigError(f"CAFE24_QUIET_HOURS={said!r} is no span", remedy="write 21:00-08:00, or none")
    first, last = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if first == last:
        raise ConfigError("CAFE24_QUIET_HOURS begins when it ends", remedy="write none for no quiet hours")
    return first, last


def _routes(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """`CAFE24_ALERT_ROUTES`: team=sink pairs, such as `data=console,crm=file:crm.jsonl,*=file`."""
    found = []
    for pair in (part.strip() for part in env.get("CAFE24_ALERT_ROUTES", "").split(",") if part.strip()):
        match = re.fullmatch(r"(?:team:)?([a-z]+|\*)\s*=\s*([a-z]+(?::[\w#.-]{1,80})?)", pair)
        if not match:
            raise ConfigError(f"CAFE24_ALERT_ROUTES: {pair!r} is no route", remedy="write data=console,*=file")
        found.append((match[1] if match[1] == "*" else f"team:{match[1]}", match[2]))
    return tuple(found)


def _warmup_budget(env: Mapping[str, str]) -> tuple[float, str]:
    """`CAFE24_WARMUP_BUDGET`: what a month of warming may cost, such as `2.50usd` or `3000krw`; 0 warms nothing."""
    said = (env.get("CAFE24_WARMUP_BUDGET") or "0").strip().lower()
    match = re.fullmatch(r"([\d.]+)\s*(usd|krw)?", said)
    if not match:
        raise ConfigError(f"CAFE24_WARMUP_BUDGET={said!r} is not an amount", remedy="write 2.50usd or 3000krw")
    if match[2] == "krw" and _krw_rate(env) is None:
        raise ConfigError("CAFE24_WARMUP_BUDGET is in won, and no rate is known", remedy="set CAFE24_KRW_PER_USD")
    return _amount("CAFE24_WARMUP_BUDGET", match[1]), match[2] or "usd"


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


def _amount(name: str, text: str) -> float:
    """An amount of money: finite, not negative."""
    if not re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text.strip()):
        raise ConfigError(f"{name}={text!r} is not an amount", remedy="write digits, such as 2.50")
    return float(text)


def _prices(env: Mapping[str, str]) -> tuple[float, float] | None:
    """`LLM_PRICE_USD`: what a million tokens cost, input and output, such as `0.20,0.80`."""
    said = env.get("LLM_PRICE_USD", "").strip()
    if not said:
        return None
    parts = said.split(",")
    if len(parts) != 2:
        raise ConfigError(f"LLM_PRICE_USD={said!r} is not a pair", remedy="write input,output such as 0.20,0.80")
    return _amount("LLM_PRICE_USD", parts[0]), _amount("LLM_PRICE_USD", parts[1])


def _krw_rate(env: Mapping[str, str]) -> tuple[float, str] | None:
    """`CAFE24_KRW_PER_USD`: a rate and its day, such as `1385.20@2026-11-02`; answers state both."""
    said = env.get("CAFE24_KRW_PER_USD", "").strip()
    if not said:
        return None
    rate, _, day = said.partition("@")
    remedy = "write the rate and its day, such as 1385.20@2026-11-02"
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise ConfigError(f"CAFE24_KRW_PER_USD={said!r} names no day", remedy=remedy) from error
    value = _amount("CAFE24_KRW_PER_USD", rate)
    if value == 0:
        raise ConfigError("CAFE24_KRW_PER_USD is zero", remedy=remedy)
    return value, day


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name) or str(default)
    if not (value.isascii() and value.isdigit()):
        raise ConfigError(f"{name}={value!r} is not a whole number", remedy=f"unset it for the default {default}")
    return int(value)
