"""What the server counts, in a registry of its own, for Prometheus.

Labels come from closed sets: routes, arms, statuses, the rules of refusals, ids of registered malls. Nothing that a
user wrote becomes a label. Does not belong here: who may read it (see `metrics_route.py`).
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from cafe24_pipelines.answers.ask import Answer

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_RULE: Final = re.compile(r"[a-z][a-z_]{0,39}")


class Telemetry:
    """The counters of one app."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        self.requests = Histogram(
            "cafe24_request_seconds", "Time from a request to the end of its answer.",
            ["route", "arm", "status"], buckets=SECONDS, registry=r,
        )  # fmt: skip
        self.answers = Counter("cafe24_answers", "Answers by outcome.", ["mall", "arm", "outcome"], registry=r)
        self.refusals = Counter("cafe24_refusals", "Refused questions by rule.", ["rule"], registry=r)
        self.withheld = Counter("cafe24_withheld", "Answers whose wording was withheld by the guard.", ["arm"],
                                registry=r)  # fmt: skip
        self.tokens = Counter("cafe24_tokens", "Tokens of the language model.", ["arm", "direction"], registry=r)
        self.cost = Counter("cafe24_cost_usd", "What the language model cost, where a price is known.", ["arm"],
                            registry=r)  # fmt: skip
        self.unpriced = Counter("cafe24_unpriced_answers", "Answers whose model has no known price.", ["arm"],
                                registry=r)  # fmt: skip
        self.cache = Counter("cafe24_model_cache", "Model replies, from the cache or not.", ["result"], registry=r)
        self.retrieved = Histogram(
            "cafe24_retrieved_passages", "Passages that an answer could rest on.", ["arm"],
            buckets=(0, 1, 2, 3, 5, 8, 13), registry=r,
        )  # fmt: skip
        self.limited = Counter("cafe24_rate_limited", "Requests over their rate.", ["by"], registry=r)
        self.strangers = Counter("cafe24_keys_refused", "Requests without a valid key.", registry=r)
        self.feedback = Counter("cafe24_feedback", "Verdicts received.", ["verdict"], registry=r)
        self._queue = Gauge("cafe24_queue_depth", "Requests that wait for a worker.", registry=r)
        self._running = Gauge("cafe24_workers_busy", "Workers that have work.", registry=r)

    def watch(self, queued: Callable[[], int], running: Callable[[], int]) -> None:
        """Read these two when somebody asks."""
        self._queue.set_function(queued)
        self._running.set_function(running)

    def answered(self, mall_id: str, answer: "Answer") -> None:
        """Count an answer: outcome, tokens, cost, cache, passages."""
        arm, usage = answer.arm, answer.usage
        outcome = "refused" if answer.refused else "withheld" if answer.withheld else "answered"
        self.answers.labels(mall_id, arm, outcome).inc()
        if answer.rule:
            self.refusals.labels(answer.rule if _RULE.fullmatch(answer.rule) else "other").inc()
        if answer.withheld:
            self.withheld.labels(arm).inc()
        self.retrieved.labels(arm).observe(answer.retrieved)
        if not usage.model:
            return
        self.cache.labels("hit" if usage.cached else "miss").inc()
        self.tokens.labels(arm, "in").inc(usage.input_tokens)
        self.tokens.labels(arm, "out").inc(usage.output_tokens)
        if usage.cost_usd is None:
            self.unpriced.labels(arm).inc()
        else:
            self.cost.labels(arm).inc(usage.cost_usd)

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self.registry)
