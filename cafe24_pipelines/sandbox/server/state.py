"""What a running sandbox server holds: its malls, tokens, limits, dice and counters.

Does not belong here: acting on any of it.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.faults import Dice
from cafe24_pipelines.sandbox.server.limits import Limits
from cafe24_pipelines.sandbox.server.tokens import TokenBook

if TYPE_CHECKING:
    from cafe24_pipelines.sandbox.mall.mall import SandboxMall


@dataclass(slots=True)
class MallState:
    """One mall and what its app has set there."""

    mall_id: str
    mall: "SandboxMall"
    version: str
    previous_version: str | None = None
    reception: str = "T"
    shops: frozenset[int] = frozenset()
    logs: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=100_000))


@dataclass(slots=True)
class Stats:
    """Counters for proofs; all but `refused` and `highest` are plain sums.

    Attributes:
        calls: answered or refused, by "METHOD template" (tokens' endpoints too).
        refused: 429s by reason: bucket, per_second, quota.
        highest: the highest level that each API's buckets reached.
        statuses: answers by status.
        rows: rows handed out by API.
        versions: calls by "asked->served".
        internal_errors: answers that failed by a fault of the sandbox itself; they show in its log.
    """

    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    highest: dict[str, int] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    internal_errors: int = 0


class Server:
    """Everything of one sandbox server. Changed on the event loop's thread alone."""

    def __init__(self, malls: "dict[str, SandboxMall]", config: ServerConfig, clock: MallClock) -> None:
        if not malls:
            raise ValueError("a sandbox server needs a mall")
        self.config, self.clock = config, clock
        self.malls = {name: MallState(name, mall, config.app_version) for name, mall in malls.items()}
        self.tokens = TokenBook(clock)
        self.limits = Limits(clock)
        self.dice = Dice(config.faults_seed)
        self.stats = Stats()
        self.consents: dict[str, dict[str, str]] = {}

    @property
    def first(self) -> MallState:
        """The mall that is meant when a path names none."""
        return next(iter(self.malls.values()))

    def change(self, config: ServerConfig) -> None:
        """Go on with another configuration."""
        if config.faults_seed != self.config.faults_seed:
            self.dice = Dice(config.faults_seed)
        self.config = config

    def forget_counts(self) -> None:
        """Start counting anew, with empty buckets."""
        self.stats, self.dice = Stats(), Dice(self.config.faults_seed)
        self.limits.reset()
        self.tokens.forget_calls()

    def report(self) -> dict[str, Any]:
        """The counters, as `/_sandbox/state` shows them."""
        stats = self.stats
        return {
            "now": self.clock.kst().isoformat(),
            "calls": dict(stats.calls),
            "total_calls": sum(stats.calls.values()),
            "given_429": sum(stats.refused.values()),
            "refused": {reason: stats.refused[reason] for reason in ("bucket", "per_second", "quota")},
            "highest_level": dict(stats.highest),
            "busiest_second": self.limits.busiest_second,
            "statuses": dict(stats.statuses),
            "rows": dict(stats.rows),
            "versions": dict(stats.versions),
            "internal_errors": stats.internal_errors,
            "faults": dict(self.dice.thrown),
            "tokens": self.tokens.live(),
            "webhooks": {name: len(state.logs) for name, state in self.malls.items()},
        }


def by_id(malls: "list[SandboxMall]", config: ServerConfig) -> "dict[str, SandboxMall]":
    """Malls by the ids under which they are served; the first one also under `config.mall_ids`."""
    found = {getattr(mall, "mall_id", SANDBOX_MALL): mall for mall in malls}
    return {**found, **{name: malls[0] for name in config.mall_ids if name not in found}}
