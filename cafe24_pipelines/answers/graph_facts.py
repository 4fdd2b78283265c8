"""Facts that the graph adds to a question and its documents: the task's calls in order, an endpoint's scope,
resource, siblings, concepts and metrics.

Queries stay in the Cypher subset that both graph stores share. A graph without such nodes gives no facts; a graph
that was never published is an error of its own (NotBuilt) and is not hidden. Does not belong here: CRM patterns.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cafe24_pipelines.answers.evidence import TASK, GraphFact
from cafe24_pipelines.korean import particle

if TYPE_CHECKING:
    from cafe24_pipelines.stores.graph import GraphStore

MAX_FACTS = 12
MIN_STEPS = 2
"""A task of one call has no order to tell."""

_ENDPOINTS = """
MATCH (e:CRM_ApiEndpoint)
WHERE e.mall_id = $mall_id AND e.endpoint IN $ids
OPTIONAL MATCH (e)-[:BELONGS_TO]->(r:CRM_ApiResource)
OPTIONAL MATCH (e)-[:REQUIRES]->(s:CRM_Scope)
RETURN e.endpoint AS endpoint, e.title AS title, r.name AS resource, s.name AS scope
ORDER BY endpoint, scope"""

_CONCEPTS = """
MATCH (e:CRM_ApiEndpoint)-[:{relation}]->(c:CRM_Concept)
WHERE e.mall_id = $mall_id AND e.endpoint IN $ids
RETURN e.endpoint AS endpoint, c.concept AS concept, c.ko AS ko, c.definition AS definition
ORDER BY endpoint, concept"""

_SIBLINGS = """
MATCH (e:CRM_ApiEndpoint)-[:BELONGS_TO]->(r:CRM_ApiResource)<-[:BELONGS_TO]-(o:CRM_ApiEndpoint)
WHERE e.mall_id = $mall_id AND e.endpoint = $id AND NOT o.endpoint IN $ids
RETURN o.endpoint AS endpoint, o.title AS title
ORDER BY endpoint LIMIT 4"""

_METRICS = """
MATCH (c:CRM_Concept)-[:MEASURED_BY]->(m:CRM_Metric)
WHERE c.mall_id = $mall_id AND c.concept IN $ids
RETURN c.ko AS concept, m.metric AS metric, m.ko AS ko, m.formula AS formula
ORDER BY concept, metric LIMIT 4"""

_STEPS = """
MATCH (t:CRM_Task)-[c:CALLS]->(e:CRM_ApiEndpoint)
WHERE t.mall_id = $mall_id AND t.task = $task
RETURN t.ko AS ko, c.step AS step, c.why AS why, e.endpoint AS endpoint
ORDER BY step"""

_RELATIONS = {"RETURNS": "조회하는", "CHANGES": "바꾸는"}


def around(
    document_ids: Sequence[str], graph: "GraphStore", mall_id: str, *, question: str = ""
) -> tuple[GraphFact, ...]:
    """The calls of the question's task, then facts about the endpoints among these documents; at most 12.

    Args:
        document_ids: retrieved documents, best first; facts come in their order.
        graph: the mall's published graph.
        mall_id: the mall.
        question: what was asked, to know the task; "" leaves tasks out.

    Raises:
        NotBuilt: no graph has been published for the mall.
    """
    steps = task_steps(question, graph, mall_id) if question else ()
    return tuple(dict.fromkeys((*steps, *_of_documents(document_ids, graph, mall_id))))[:MAX_FACTS]


def task_steps(question: str, graph: "GraphStore", mall_id: str) -> tuple[GraphFact, ...]:
    """One fact with the calls that do what the question wants, in order; none when it is no task of several calls.

    Raises:
        NotBuilt: no graph has been published for the mall.
    """
    from cafe24_pipelines.knowledge.tasks import task_for

    task = task_for(question)
    if task is None or len(task.steps) < MIN_STEPS:
        return ()
    rows = graph.query(mall_id, _STEPS, {"task": task.key})
    if len(rows) < len(task.steps):  # an order with a gap would mislead: this mall's documentation lacks a call
        return ()
    lines = [f"`{row['endpoint']}` — {row['why']}" for row in rows]
    return (GraphFact(TASK, task.key, "\n".join([f"'{rows[0]['ko']}'의 호출 순서:", *lines])),)


def _of_documents(document_ids: Sequence[str], graph: "GraphStore", mall_id: str) -> tuple[GraphFact, ...]:
    ids = [i for i in document_ids if " /api/" in i]
    if not ids:
        return ()
    place = {key: i for i, key in enumerate(ids)}
    rows = graph.query(mall_id, _ENDPOINTS, {"ids": ids})
    facts = [_endpoint(row) for row in sorted(rows, key=lambda r: place[r["endpoint"]])]
    concepts: list[str] = []
    for relation, word in _RELATIONS.items():
        for row in graph.query(mall_id, _CONCEPTS.format(relation=relation), {"ids": ids}):
            concepts.append(row["concept"])
            call = f"`{row['endpoint']}`{particle(row['endpoint'], '이(가)')}"
            text = f"{call} {word} 개념: {row['ko']} — {row['definition']}"
            facts.append(GraphFact("CRM_Concept", row["concept"], text))
    for row in graph.query(mall_id, _SIBLINGS, {"id": ids[0], "ids": ids}) if facts else []:
        text = f"같은 리소스의 API: `{row['endpoint']}` {row['title'] or ''}".rstrip()
        facts.append(GraphFact("CRM_ApiEndpoint", row["endpoint"], text))
    for row in graph.query(mall_id, _METRICS, {"ids": sorted(set(concepts))}) if concepts else []:
        text = f"'{row['concept']}'{particle(row['concept'], '을(를)')} 재는 지표: {row['ko']} = {row['formula']}"
        facts.append(GraphFact("CRM_Metric", row["metric"], text))
    return tuple(facts)


def _endpoint(row: dict[str, Any]) -> GraphFact:
    said = [f"`{row['endpoint']}` ({row['title']})" if row["title"] else f"`{row['endpoint']}`"]
    if row["resource"]:
        said.append(f"리소스 {row['resource']}")
    said.append(f"필요한 스코프 {row['scope']}" if row["scope"] else "필요한 스코프 정보 없음")
    return GraphFact("CRM_ApiEndpoint", row["endpoint"], ": ".join([said[0], ", ".join(said[1:])]))
