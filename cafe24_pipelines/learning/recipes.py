"""Recipes: chains of Admin API calls that generated code proved to work, mined from its verdicts (`code.verified`).

Verdicts are grouped by their operations in order. A recipe says how often its chain was written, for how many
different questions, which share of what was run worked (with its Wilson interval), which query parameters were used,
and shows one snippet that worked. Code that writes is run as a dry run, so a recipe that writes says that nothing was
sent. Chains that are rare, or never worked, are not told. Does not belong here: writing or running code (`codegen/`).
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.masking import mask_text
from cafe24_pipelines.codegen.record import CODE_VERIFIED
from cafe24_pipelines.codegen.values import Dict, options
from cafe24_pipelines.codegen.walk import TooComplex, Walker

if TYPE_CHECKING:
    from cafe24_pipelines.stores.events import EventLog

MIN_SUPPORT: Final = 3
"""Verdicts of a chain from which on it is told."""
_RUN_OK: Final = "executed_ok"
_RUN: Final = (_RUN_OK, "executed_failed")
_PASSED: Final = (_RUN_OK, "not_executed")
"""Statuses of code that passed the check and did not fail when run."""


@dataclass(frozen=True)
class Recipe:
    """One chain of calls.

    Attributes:
        operations: `METHOD path`, in the order of the calls.
        support: verdicts on code for this chain; questions: different questions among them.
        run, worked: how many were run, and worked; share with its 95 % Wilson interval (low, high).
        parameters: query parameters in how many snippets that passed, most used first.
        scopes: what the token needs.
        dry_run: a call of it writes, and was never sent: the runs were dry ones.
        snippet: the code that worked most often; of equals the shortest.
    """

    operations: tuple[str, ...]
    support: int
    questions: int
    run: int
    worked: int
    share: float
    low: float
    high: float
    parameters: dict[str, int]
    scopes: tuple[str, ...]
    dry_run: bool
    snippet: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "operations": list(self.operations), "scopes": list(self.scopes)}


def recipes(log: "EventLog", mall_id: str, *, min_support: int = MIN_SUPPORT) -> list[Recipe]:
    """The mall's recipes, most supported first, equal ones by their operations."""
    chains: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for event in log.read_all(mall_id, types=(CODE_VERIFIED,)):
        if operations := event.payload.get("operations"):
            chains[tuple(operations)].append(event.payload)
    told = [_recipe(chain, found) for chain, found in chains.items() if len(found) >= min_support]
    return sorted((one for one in told if one.worked), key=lambda r: (-r.support, r.operations))


def parameters_of(code: str) -> set[str]:
    """Names of the query parameters that a snippet's calls may give, as the checker reads it: nothing is run."""
    try:
        calls = Walker().module(ast.parse(code)).calls
    except (SyntaxError, ValueError, RecursionError, MemoryError, TooComplex):
        return set()
    given = (one for call in calls for source in call.params for one in options(source))
    return {name for one in given if isinstance(one, Dict) for name in one.items}


def _recipe(chain: tuple[str, ...], found: Sequence[dict[str, Any]]) -> Recipe:
    from cafe24_pipelines.discovery.statistics import wilson

    run = [p for p in found if p.get("status") in _RUN]
    worked = [p for p in run if p["status"] == _RUN_OK]
    share = wilson(len(worked), len(run)) if run else None
    passed = [p for p in found if p.get("status") in _PASSED]
    used: Counter[str] = Counter()
    for code, times in Counter(str(p.get("code", "")) for p in passed).items():  # each is read once
        used.update(dict.fromkeys(parameters_of(code), times))
    codes = Counter(str(p.get("code", "")) for p in worked)
    best = min(codes, key=lambda code: (-codes[code], len(code), code), default="")
    scopes = tuple(dict.fromkeys(s for p in passed for s in p.get("scopes", ())))
    questions = {str(p.get("question_sha256") or p.get("code_sha256")) for p in found}
    return Recipe(
        chain, len(found), len(questions), len(run), len(worked),
        *((share.value, share.low, share.high) if share else (0.0, 0.0, 1.0)),
        dict(sorted(used.items(), key=lambda item: (-item[1], item[0]))), scopes,
        any(not operation.startswith("GET ") for operation in chain), mask_text(best),
    )  # fmt: skip
