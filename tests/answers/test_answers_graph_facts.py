"""Facts of the graph about a question's task: the calls in order, of this mall's documentation, or none."""

from collections.abc import Iterator

import pytest

from cafe24_pipelines.answers.graph_facts import MAX_FACTS, around
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import NotBuilt
from cafe24_pipelines.knowledge.documents import documents_table, load_documents
from cafe24_pipelines.ontology.build import publish_graph
from cafe24_pipelines.stores.graph_embedded import EmbeddedGraph
from cafe24_pipelines.stores.lake import Lake

VIP = "VIP 고객의 주문 패턴을 분석하려면 어떤 API를 어떤 순서로 호출해야 하나요?"
ORDERS = "GET /api/v2/admin/orders"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedGraph]:
    """Two malls with documentation alone: `whole` has all of it, `part` lacks the customers' endpoints."""
    root = tmp_path_factory.mktemp("graph-facts")
    store = EmbeddedGraph(root / "graph")
    documents = [d for d in load_documents("") if d.kind == "endpoint"]
    for mall_id, without in (("whole", ()), ("part", ("customergroups", "customersprivacy"))):
        lake = Lake(root / "lake").mall(mall_id)
        landed = [d for d in documents if d.resource not in without]
        lake.land("documents", documents_table(landed), snapshot=True)
        publish_graph(store, lake, Mall(mall_id), [])
    yield store
    store.close()


def test_the_calls_of_a_task_come_in_order_with_their_reasons(graph: EmbeddedGraph) -> None:
    fact = around([ORDERS], graph, "whole", question=VIP)[0]
    assert (fact.label, fact.key) == ("CRM_Task", "vip_order_patterns")
    title, *steps = fact.text.splitlines()
    assert "VIP 고객의 주문 패턴 분석" in title
    assert [step.split("`")[1] for step in steps] == [
        "GET /api/v2/admin/customergroups", "GET /api/v2/admin/customersprivacy", ORDERS,
        "GET /api/v2/admin/orders/coupons",
    ]  # fmt: skip
    assert all(" — " in step for step in steps)


def test_facts_about_the_documents_follow(graph: EmbeddedGraph) -> None:
    alone, asked = around([ORDERS], graph, "whole"), around([ORDERS], graph, "whole", question=VIP)
    assert not [f for f in alone if f.label == "CRM_Task"]
    assert asked[1:] == alone[: MAX_FACTS - 1] and len(asked) <= MAX_FACTS


@pytest.mark.parametrize("question", ["오늘 날씨 어때요", "주문이 몇 건인지", ""])
def test_no_task_and_tasks_of_one_call_have_no_order(graph: EmbeddedGraph, question: str) -> None:
    assert not [f for f in around([ORDERS], graph, "whole", question=question) if f.label == "CRM_Task"]


def test_an_order_with_a_gap_is_not_told(graph: EmbeddedGraph) -> None:
    assert not [f for f in around([ORDERS], graph, "part", question=VIP) if f.label == "CRM_Task"]


def test_a_task_is_read_from_the_malls_own_graph(graph: EmbeddedGraph) -> None:
    with pytest.raises(NotBuilt):
        around([], graph, "nobody", question=VIP)
