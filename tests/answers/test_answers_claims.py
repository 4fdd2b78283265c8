"""What is said about a number beside its value: true paraphrases pass, contradictions are caught."""

import pytest

from cafe24_pipelines.answers.ask import Services, ask
from cafe24_pipelines.answers.claims import contradicted
from cafe24_pipelines.answers.questions import questions
from cafe24_pipelines.knowledge.documents import read_documents

GIVEN = """지난달(2026-09-01~2026-09-30) 순매출은 16,623,350원이며, 판매로 인정된 주문은 334건입니다.
전월(2026-08) 13,713,300원보다 21.2% 늘었습니다. 주문은 289건이었습니다.
[확인됨] 첫 배송이 6일 이상 걸린 고객은 90일 안 재구매율이 17.3%p 낮습니다
  해당 고객 200명과 나머지 1664명
- 1위 세럼: 51,507,800원, 1,781개
- 2위 크림: 20,751,100원, 651개"""

TRUE = [
    "지난달 순매출은 16,623,350원입니다.", "9월 매출은 16,623,350원으로 8월의 13,713,300원보다 21.2% 증가했습니다.",
    "주문은 334건으로 전월 289건보다 늘었습니다.", "재구매율은 17.3%p 낮았습니다.", "고객 200명",
    "1. 세럼: 51,507,800원 (1,781개)", "- 크림 20,751,100원", "2026-09 순매출 16,623,350원",
    "전월 대비 21.2% 늘어난 16,623,350원", "8월과 비교하면 21.2% 많은 16,623,350원입니다.",
    "세럼이 51,507,800원으로 가장 많이 팔렸습니다.", "첫 배송이 6일 이상 걸리면 17.3%p 감소합니다.",
    "매출이 21.2% 늘지 않았다면", "334개 주문",
]  # fmt: skip
FALSE = {
    "주문은 334명입니다.": "334명", "200원의 고객": "200원", "21.2건 늘었습니다": "21.2건",
    "매출은 21.2% 줄었습니다.": "21.2%", "재구매율이 17.3%p 높습니다": "17.3%p",
    "8월 매출은 16,623,350원입니다.": "16,623,350원", "지난달 매출은 13,713,300원": "13,713,300원",
    "전월 주문은 334건입니다.": "334건", "- 나이키 운동화: 51,507,800원": "나이키 운동화",
    "1. 비타민 앰플: 1,781개": "비타민 앰플",
}  # fmt: skip


@pytest.mark.parametrize("sentence", TRUE)
def test_true_paraphrases_pass(sentence: str) -> None:
    assert contradicted(sentence, GIVEN) == []


@pytest.mark.parametrize(("sentence", "wrong"), FALSE.items())
def test_contradictions_are_caught(sentence: str, wrong: str) -> None:
    assert contradicted(sentence, GIVEN) == [wrong]


def test_what_the_material_does_not_say_is_left_alone() -> None:
    assert contradicted("올해 매출은 72원 늘었습니다.", "72라는 수가 있습니다.") == []
    assert contradicted("- 나이키: 3개", "이름의 목록이 없는 자료 3개") == []


def test_no_false_alarm_over_the_question_bank(sandbox_services: Services) -> None:
    """Every answer of the local composer is the material in its own words: nothing of it may be withheld."""
    bank = questions(sandbox_services, read_documents(sandbox_services.lake))
    answers = {asked.question: ask(asked.question, sandbox_services) for asked in bank[::3]}
    assert len(answers) > 40 and {q: a.withheld for q, a in answers.items() if a.withheld} == {}
