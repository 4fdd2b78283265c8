"""Questions about the Admin API: which call, which permission, how many at once, one fact, and chains of two calls.

Gold comes from the catalogue (paths, scopes, sizes) and from `data/api.yaml` (tasks in merchants' words, facts with
the document that states them). Does not belong here: retrieval, or the mall's own rows.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.experiments.data_files import yaml_file
from cafe24_pipelines.experiments.gold import UNITS, Case, Gold, GoldNumber, families
from cafe24_pipelines.experiments.raw import Raw, gold_case
from cafe24_pipelines.knowledge.catalogue import operations

if TYPE_CHECKING:
    from random import Random

    from cafe24_pipelines.knowledge.operations import ApiOperation


def _tasks() -> "Iterator[tuple[dict[str, Any], ApiOperation]]":
    known = {op.id: op for op in operations()}
    for task in yaml_file("api.yaml")["tasks"]:
        yield task, known[task["op"]]


def _accepted(op: "ApiOperation") -> tuple[str, ...]:
    """The resource's page and its other calls, and guides: right to cite beside the call itself."""
    return (f"resource-{op.resource}", f"{op.method} {op.path.split('{')[0].rstrip('/')}", "guide-")


def _path(raw: Raw, draw: "Random") -> Iterator[Case]:
    for task, op in _tasks():
        gold = Gold(names=(op.path,), documents=(op.id,), accepted=_accepted(op))
        yield gold_case(gold, task=draw.choice(task["say"]))


def _scope(raw: Raw, draw: "Random") -> Iterator[Case]:
    for task, op in _tasks():
        if op.scope:
            cite = f"{op.id}|resource-{op.resource}|guide-scopes"
            gold = Gold(names=(op.scope,), documents=(cite,), accepted=_accepted(op))
            yield gold_case(gold, task=draw.choice(task["say"]))


def _page(raw: Raw, draw: "Random") -> Iterator[Case]:
    for task, op in _tasks():
        if op.limits.page:
            number = GoldNumber(float(op.limits.page), UNITS["any"])
            cite = f"{op.id}|resource-{op.resource}|guide-paging"
            gold = Gold((number,), documents=(cite,), accepted=_accepted(op))
            yield gold_case(gold, task=draw.choice(task["say"]))


def _batch(raw: Raw, draw: "Random") -> Iterator[Case]:
    for op in operations():
        if (op.limits.batch or 1) >= 20:
            number = GoldNumber(float(op.limits.batch or 1), UNITS["any"])
            cite = f"{op.id}|resource-{op.resource}|guide-write-envelope"
            yield gold_case(Gold((number,), documents=(cite,), accepted=_accepted(op)), task=op.title)


def _required(raw: Raw, draw: "Random") -> Iterator[Case]:
    for task, op in _tasks():
        inside = [p.name for p in op.parameters if p.required and f"{{{p.name}}}" not in op.path]
        if 0 < len(inside) <= 4:
            gold = Gold(names=tuple(inside), documents=(op.id,), accepted=_accepted(op))
            yield gold_case(gold, task=draw.choice(task["say"]))


def _fact(raw: Raw, draw: "Random") -> Iterator[Case]:
    for fact in yaml_file("api.yaml")["facts"]:
        gold = Gold(names=tuple(fact["say"]), documents=(fact["cite"],), accepted=("guide-", "crm-", "resource-"))
        yield gold_case(gold, ask=fact["ask"])


def _chain(raw: Raw, draw: "Random") -> Iterator[Case]:
    for chain in yaml_file("api.yaml")["chains"]:
        names = tuple("|".join(one.split(" ", 1)[1] for one in step.split("|")) for step in chain["ops"])
        accepted = ("guide-", "resource-", "GET /api/v2/admin/")
        gold = Gold(names=names, documents=tuple(chain["ops"]), accepted=accepted)
        yield gold_case(gold, ask=chain["ask"])


def _full(raw: Raw, draw: "Random") -> Iterator[Case]:
    """From a task to its call, to that call's permission and size."""
    for task, op in _tasks():
        if op.limits.page and op.scope:
            number = GoldNumber(float(op.limits.page), UNITS["any"])
            cite = f"{op.id}|resource-{op.resource}"
            gold = Gold((number,), (op.path, op.scope), (cite,), _accepted(op))
            yield gold_case(gold, task=draw.choice(task["say"]))


FAMILIES: Final = families(
    {
        "api_path": _path,
        "api_scope": _scope,
        "api_page": _page,
        "api_batch": _batch,
        "api_required": _required,
        "api_fact": _fact,
        "hop_api_chain": _chain,
        "hop_api_full": _full,
    }
)
