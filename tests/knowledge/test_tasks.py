"""Tasks: the calls for what a merchant wants to get done, recognised however it is said, and never guessed."""

import pytest

from cafe24_pipelines.knowledge.documents import load_documents
from cafe24_pipelines.knowledge.sayings import COMMON, sayings
from cafe24_pipelines.knowledge.tasks import task_for, task_of
from cafe24_pipelines.ontology.model import load_domain


def test_the_order_of_calls_for_the_prototypes_question() -> None:
    task = task_for("VIP 고객의 주문 패턴을 분석하려면 어떤 API를 어떤 순서로 호출해야 하나요?")
    assert task is not None and task.key == "vip_order_patterns"
    assert [step.endpoint for step in task.steps][:3] == [
        "GET /api/v2/admin/customergroups", "GET /api/v2/admin/customersprivacy", "GET /api/v2/admin/orders",
    ]  # fmt: skip
    assert all(step.why for step in task.steps)


@pytest.mark.parametrize(("question", "key"), [
    ("고객 이탈 예측 방법", "churn_prediction"),
    ("단골손님들한테 쿠폰을 뿌리려는데 순서가 어떻게 되죠", "coupon_to_regulars"),
    ("딱 한 번 사고 다시 안 온 회원을 찾으려면", "one_time_buyers"),
    ("환불된 내역을 확인하고 싶습니다", "refunds"),
    ("운송장 번호를 등록해서 배송을 시작하려면?", "ship_order"),
    ("후기에 답글 달기", "reply_review"),
])  # fmt: skip
def test_a_task_is_recognised_in_other_words(question: str, key: str) -> None:
    task = task_for(question)
    assert task is not None and task.key == key


@pytest.mark.parametrize("question", [
    "", "쿠폰", "지난달 매출은?", "오늘 날씨 어때", "GET /api/v2/admin/orders", "member_id", "안녕하세요",
    "서울 맛집 추천해 줘", "우리 몰 객단가", "2월 1일에 태어난 사람",
])  # fmt: skip
def test_what_is_no_task_gives_none(question: str) -> None:
    assert task_for(question) is None


def test_every_saying_leads_back_to_its_task() -> None:
    domain = load_domain()
    texts = [(key, text) for key, task in domain.tasks.items() for text in (task.ko, *task.says)]
    strayed = []
    for key, text in texts:
        task = task_for(text)
        if task is not None and task.key != key:
            strayed.append((text, key, task.key))
    assert len(strayed) <= 0.02 * len(texts), strayed


def test_every_step_and_document_exists() -> None:
    known = {d.document_id for d in load_documents("")}
    for key in load_domain().tasks:
        task = task_of(key)
        assert {s.endpoint for s in task.steps} | set(task.documents) <= known, key


def test_every_guide_and_article_is_somebodys_help() -> None:
    helped = {d for task in load_domain().tasks.values() for d in task.documents}
    assert {d.document_id for d in load_documents("") if d.kind in ("guide", "article")} <= helped


def test_an_endpoint_that_many_tasks_call_speaks_only_for_those_that_call_nothing_else() -> None:
    documents = {d.document_id: d for d in load_documents("")}
    tasks = load_domain().tasks.values()
    orders = "GET /api/v2/admin/orders"
    calling = [t for t in tasks if orders in dict(t.calls)]
    assert len(calling) > COMMON
    said = sayings(documents[orders])
    assert all(any(t.ko in text for text in said) == (len(t.steps) == 1) for t in calling)
