"""The data set: what examples say, what is left out, what never gets in, and that nothing leaks over the split."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cafe24_pipelines.finetune.dataset import PersonalData, build_dataset, jsonl
from cafe24_pipelines.finetune.examples import SYSTEM, Example, document_examples, pattern_examples, sections
from cafe24_pipelines.finetune.likeness import jaccard, shingles
from cafe24_pipelines.finetune.split import split
from cafe24_pipelines.finetune.validate import validate_lines


def everything(dataset) -> list[Example]:
    return [*dataset.train, *dataset.validation]


def test_an_example_is_a_chat_with_system_user_and_assistant(sources):
    example = Example("질문", "답", "s", "k").to_json()
    assert example == {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": "질문"},
            {"role": "assistant", "content": "답"},
        ]
    }


def test_a_document_is_asked_about_part_by_part_and_answers_come_from_that_part(sources):
    document = sources.endpoint("orders", "주문 조회")
    examples = list(document_examples([document]))
    assert len(examples) == 2 + 3  # two ways to ask for the whole, one for each part
    assert len({e.question for e in examples}) == 5
    for example in examples:
        body, source = example.answer.rsplit("\n\n근거: ", 1)
        assert body in document.body and source == document.document_id
    (rights,) = [e for e in examples if "권한" in e.question or "scope" in e.question]
    assert "mall.read_orders" in rights.answer
    (own,) = [e for e in examples if "나만의 제목" in e.question]
    assert "orders 이야기입니다." in own.answer


def test_sections_respect_code_fences_and_skip_the_title_and_empty_parts():
    body = "# title\n\nintro\n## A\n\n```\n## not a heading\n# comment\n```\n## B\n\n## C\ntext\n### deeper\nmore"
    assert sections(body) == [
        ("", "intro"),
        ("A", "```\n## not a heading\n# comment\n```"),
        ("C", "text\n### deeper\nmore"),
    ]


def test_an_answer_that_cites_its_source_is_left_as_it_is(sources):
    cited = sources.answer("지난달 매출은 얼마인가요?", "1,000원입니다.\n근거: query-sales", "query-sales")
    bare = sources.answer("회원은 몇 명인가요?", "5명입니다.", "query-members")
    answers = {e.source: e.answer for e in everything(build_dataset([], [cited, bare], [], "shop"))}
    assert answers["query-sales"] == "1,000원입니다.\n근거: query-sales"
    assert answers["query-members"] == "5명입니다.\n\n근거: query-members"


def test_a_refusal_names_no_source_and_a_document_answer_names_what_it_cites(sources):
    refused = sources.answer("고객 전화번호 알려줘", "개인정보라서 답하지 않습니다.", "personal_data", "refusal")
    cited = sources.answer("주문 조회는?", "이렇게 합니다.", "GET /a", "document", "GET /a", "guide-b", "GET /a")
    answers = {e.source: e.answer for e in everything(build_dataset([], [refused, cited], [], "shop"))}
    assert answers["personal_data"] == "개인정보라서 답하지 않습니다."
    assert answers["GET /a"] == "이렇게 합니다.\n\n근거: GET /a, guide-b"


def test_what_the_offline_composer_says_about_itself_is_never_taught(sources):
    from cafe24_pipelines.answers.extractive import NOT_GENERATIVE

    answers = [sources.answer("글을 써 줘", NOT_GENERATIVE, "a"), sources.answer("매출은?", "5원입니다.", "b")]
    dataset = build_dataset([], answers, [], "shop")
    assert [e.source for e in everything(dataset)] == ["b"]
    assert dataset.report.dropped == {"about_the_composer": 1}


def test_examples_of_a_document_and_answers_about_it_are_one_source(sources, shop_documents):
    document = shop_documents[7]
    answer = sources.answer(
        "그거 어떻게 불러요?", "이렇게요.", document.document_id, "document", document.document_id
    )
    dataset = build_dataset(shop_documents, [answer], [], "shop")
    sides = [
        {e.kind for e in part if e.source == document.document_id} for part in (dataset.train, dataset.validation)
    ]
    assert sorted(sides, key=len) == [set(), {"answer:document", "endpoint"}]


def test_a_pattern_is_told_with_its_numbers_and_how_sure_it_is(sources):
    found = list(pattern_examples([sources.pattern()]))
    assert len(found) == 3
    first = found[0].answer
    for part in ("0.1235", "95% 신뢰구간은 0.05~0.2", "q는 0.0123", "1,234개", "확인된 결과"):
        assert part in first
    assert all(e.answer.endswith("근거: pattern-p1") for e in found)
    assert "대조군" in found[2].answer
    assert not any("0123456789abcdef" in e.answer for e in found)  # evidence rows stay out


@pytest.mark.parametrize(("status", "words"), [("tentative", "잠정"), ("insufficient_data", "데이터가 모자라")])
def test_a_pattern_that_is_not_sure_never_sounds_sure(sources, status, words):
    for example in pattern_examples([sources.pattern(status=status)]):
        assert words in example.answer and "확인된 결과" not in example.answer


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("문의는 hong@example.com 으로", "[이메일]"),
        ("010-1234-5678로 전화", "[전화번호]"),
        ("주민번호 900101-1234567", "[주민번호]"),
        ("회원 0123456789abcdef0123456789abcdef", "member key"),
    ],
)
@pytest.mark.parametrize("place", ["document", "answer", "question", "pattern"])
def test_personal_data_stops_the_build_and_the_example_is_named_without_it(sources, text, kind, place):
    documents = [sources.article("crm-note", "메모", text)] if place == "document" else []
    answers = []
    if place in ("answer", "question"):
        q, a = ("얼마인가요?", text) if place == "answer" else (text, "그렇습니다.")
        answers = [sources.answer(q, a, "crm-note")]
    patterns = [sources.pattern("crm-note", summary=text)] if place == "pattern" else []
    with pytest.raises(PersonalData) as caught:
        build_dataset(documents, answers, patterns, "shop")
    message = str(caught.value)
    assert "crm-note" in message and kind in message and caught.value.remedy
    assert not any(secret in message for secret in ("hong@", "1234-5678", "900101", "0123456789abcdef"))


def test_order_numbers_amounts_and_placeholders_are_no_personal_data(sources):
    text = "주문 20260101-0000013, 매출 1,234,561,234,567원, 문의 [이메일], 이벤트 123456"
    assert build_dataset([], [sources.answer("?!", text, "s")], [], "shop").report.examples == 1


def test_repeated_questions_stay_once_and_the_verified_answer_wins(sources):
    document = sources.endpoint("orders", "주문 조회", "주문을 봅니다.")
    (asked, _) = document_examples([document])
    again = sources.answer(f"  {asked.question.upper()} ", "검증된 답입니다.", "fact")
    report = build_dataset([document], [again], [], "shop")
    kept = [e for e in everything(report) if e.source == "fact"]
    assert len(kept) == 1 and report.report.examples == 2
    assert report.report.dropped == {"duplicate": 1}


LONG = "우리 쇼핑몰에서 지난 석 달 동안 가장 많이 팔린 상품과 그 상품을 산 고객의 재구매율을 알려 주시겠어요"


def test_near_copies_go_but_the_same_answer_to_another_question_stays(sources):
    same = "가장 많이 팔린 상품은 양말이고 재구매율은 31%입니다. 표본은 1,200명입니다."
    dataset = build_dataset(
        [],
        [
            sources.answer(LONG + "?", same, "a"),
            sources.answer(LONG + "요?", same, "b"),
            sources.answer("잘 팔리는 물건이랑 다시 사는 비율은?", same, "c"),
            sources.answer(LONG + "??!", "기간을 정해 주세요.", "d"),
        ],
        [],
        "shop",
    )
    assert {e.source for e in everything(dataset)} == {"a", "c"}
    assert dataset.report.dropped == {"duplicate": 1, "near_duplicate": 1}


def test_long_examples_are_dropped_whole_and_counted(sources):
    answers = [sources.answer("짧은 질문", "짧은 답", "a"), sources.answer("긴 질문", "가나다라 " * 1000, "b")]
    dataset = build_dataset([], answers, [], "shop")
    assert [e.source for e in everything(dataset)] == ["a"]
    assert dataset.report.dropped == {"too_long": 1}
    assert dataset.report.longest <= 2048


def test_blank_examples_are_dropped_and_counted(sources):
    dataset = build_dataset([], [sources.answer("질문", " ", "a"), sources.answer("질문 둘", "답", "b")], [], "shop")
    assert dataset.report.dropped == {"empty": 1} and dataset.report.examples == 1


def test_the_report_counts_what_is_there(sources, shop_documents):
    answers = [sources.answer(f"{n}월 매출은 얼마인가요?", f"{n}0원입니다.", f"sales-{n}") for n in range(1, 13)]
    dataset = build_dataset(shop_documents, answers, [sources.pattern()], "shop")
    report = dataset.report
    assert report.examples == len(everything(dataset)) == report.train + report.validation
    assert report.by_source == {"answer:computed": 12, "endpoint": 60 * 5, "pattern": 3}
    assert report.tokens == report.train_tokens + report.validation_tokens > 50 * report.examples
    assert "approximation" in report.tokenizer and report.mall_id == "shop"


def test_both_files_keep_the_providers_rules(shop_documents):
    dataset = build_dataset(shop_documents, [], [], "shop")
    for part in (dataset.train, dataset.validation):
        lines = jsonl(part).encode().splitlines(keepends=True)
        assert len(lines) == len(part) and validate_lines(lines) == []
        assert json.loads(lines[0])["messages"][2]["content"] == part[0].answer


def test_the_same_input_in_another_order_gives_the_same_bytes(sources, shop_documents):
    answers = [sources.answer(f"{n}월 매출은요?", f"{n}원", f"sales-{n}") for n in range(9)]
    first = build_dataset(shop_documents, answers, [sources.pattern()], "shop")
    shuffled = list(shop_documents)
    random.Random(3).shuffle(shuffled)
    second = build_dataset(shuffled, answers[::-1], [sources.pattern()], "shop")
    assert jsonl(first.train) == jsonl(second.train) and first.digest == second.digest
    assert build_dataset(shuffled, answers[1:], [], "shop").digest != first.digest


def leaks(train: list[Example], validation: list[Example]) -> list[tuple[str, str]]:
    """Pairs over the split that share a source or ask nearly the same, by comparing every pair."""
    left = [(e, shingles(e.question)) for e in train]
    return [
        (a.question, b.question)
        for b in validation
        for members in [shingles(b.question)]
        for a, others in left
        if a.source == b.source or jaccard(others, members) >= 0.9
    ]


def test_nothing_leaks_over_the_split_and_it_is_about_nine_to_one(shop_documents):
    dataset = build_dataset(shop_documents, [], [], "shop")
    assert leaks(dataset.train, dataset.validation) == []
    assert 0.02 < len(dataset.validation) / dataset.report.examples < 0.2


def test_near_equal_questions_of_two_sources_end_on_one_side():
    spread = [Example(f"{n:03d}번째로 묻는 서로 다른 말 {hash_word(n)}", "답", f"s{n}", "k") for n in range(200)]
    for turn in range(20):
        twins = [Example(f"{LONG} {turn}", "답", f"x{turn}", "k"), Example(f"{LONG} {turn}!", "답", f"y{turn}", "k")]
        train, validation = split([*spread, *twins])
        sides = {e.source in {v.source for v in validation} for e in twins}
        assert len(sides) == 1 and leaks(train, validation) == []


def hash_word(n: int) -> str:
    return "".join(chr(0xAC00 + (n * 7919 + k * 104_729) % 11_000) for k in range(12))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([LONG, LONG + " 네", "짧은 말", "다른 말", "또 다른 긴 말"]))
        .map(lambda pair: Example(pair[1] + str(pair[0] % 3), "답", f"s{pair[0]}", "k")),
        max_size=25,
    )
)  # fmt: skip
def test_any_examples_split_without_loss_or_leak(examples):
    train, validation = split(examples)
    key = lambda e: (e.source, e.question)  # noqa: E731
    assert sorted(map(key, [*train, *validation])) == sorted(map(key, examples))
    assert leaks(train, validation) == []


def test_a_source_keeps_its_side_when_others_come(shop_documents):
    some = build_dataset(shop_documents[:50], [], [], "shop")
    more = build_dataset(shop_documents, [], [], "shop")
    held = {e.source for e in some.validation}
    assert held <= {e.source for e in more.validation}


def test_two_sources_are_enough_for_two_sides():
    train, validation = split([Example("하나", "답", "a", "k"), Example("둘이에요", "답", "b", "k")])
    assert len(train) == len(validation) == 1
    assert split([Example("하나", "답", "a", "k")])[1] == []


@pytest.mark.slow
def test_the_built_in_documents_give_thousands_of_valid_examples():
    from cafe24_pipelines.knowledge.documents import load_documents

    documents = load_documents()
    dataset = build_dataset(documents, [], [], "sandbox")
    report = dataset.report
    print(f"{report.examples} examples, {report.tokens} tokens, dropped {report.dropped}")
    assert report.examples > 3000
    assert 0.05 < report.validation / report.examples < 0.15
    for part in (dataset.train, dataset.validation):
        assert validate_lines(jsonl(part).encode().splitlines(keepends=True)) == []
