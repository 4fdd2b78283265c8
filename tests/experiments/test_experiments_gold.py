"""Gold is right by hand, shares no code with what it judges, and is the same from the generator and from the lake."""

import ast
from collections import Counter
from pathlib import Path
from random import Random

import pytest

import cafe24_pipelines.experiments as room
from cafe24_pipelines.experiments import gold_entities, gold_hops, gold_totals
from cafe24_pipelines.experiments.gold import KINDS, Case, Family
from cafe24_pipelines.experiments.question_set import FAMILIES, QuestionSet, question_set
from cafe24_pipelines.experiments.raw import Raw, raw_of
from cafe24_pipelines.experiments.wording import STYLES, styled
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.settings import Settings

ROOM = Path(room.__file__).parent
START = ("raw", "gold", "gold_totals", "gold_entities", "gold_hops", "gold_api", "gold_refusals", "question_set")
FORBIDDEN = ("cafe24_pipelines.answers", "cafe24_pipelines.stores.views", "cafe24_pipelines.stores.lake")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_gold_imports_nothing_of_what_it_judges() -> None:
    todo, seen = [*START], set()
    while todo:
        name = todo.pop()
        if name in seen or not (ROOM / f"{name}.py").exists():
            continue
        seen.add(name)
        found = imports_of(ROOM / f"{name}.py")
        assert not [m for m in found if m.startswith(FORBIDDEN)], name
        todo += [m.removeprefix("cafe24_pipelines.experiments.") for m in found if ".experiments." in m]
    assert {*START, "data_files", "wording"} <= seen


def cases(family: str, raw: Raw, **slots: str) -> list[Case]:
    of: Family = next(f for f in FAMILIES if f.key == family)
    return [c for c in of.cases(raw, Random(1)) if all(c.slots.get(k) == v for k, v in slots.items())]


def values(family: str, raw: Raw, **slots: str) -> list[float]:
    found = cases(family, raw, **slots)
    assert len(found) == 1, found
    return [n.value for n in found[0].gold.numbers]


FEBRUARY = {"p": "2026년 2월"}


@pytest.mark.parametrize(
    ("family", "slots", "expected"),
    [
        # o2, o5, o6 are sales of February; o1 fell into January by half an hour of Seoul time
        ("sales", FEBRUARY, [63000.0]),
        ("orders", FEBRUARY, [3.0]),
        ("order_value", FEBRUARY, [21000.0]),
        ("buyers", FEBRUARY, [2.0]),
        ("cancelled", FEBRUARY, [1.0]),
        ("cancel_rate", FEBRUARY, [100 / 6]),
        ("discounts", FEBRUARY, [5000.0]),
        ("joined", FEBRUARY, [2.0]),
        ("free_shipping", FEBRUARY, [2.0]),
        ("delivery", FEBRUARY, [1.0]),
        ("repeat", {}, [50.0]),
        ("guests", {}, [25.0]),
        ("unpaid", {}, [1.0]),
        ("category_sales", {"category": "토너류"}, [10000.0]),  # its line in o2 was cancelled
        ("one_sold", {"product": "세럼"}, [5.0]),
        ("one_used", {"coupon": "감사 쿠폰"}, [50.0]),
        ("one_rating", {"product": "세럼"}, [4.5]),
        ("hop_tree_sales", {"category": "스킨", **FEBRUARY}, [52000.0]),
        ("hop_tier_sales", {"tier": "VIP", **FEBRUARY}, [60000.0]),
        ("hop_coupon_value", {}, [30000.0, 6500.0]),
        ("hop_came_back", {"stars": "1"}, [1.0]),  # a reviewed at 00:10 and bought at 00:30
        ("hop_came_back", {"stars": "5"}, [0.0]),
        ("hop_after_coupon", {"coupon": "감사 쿠폰"}, [0.0]),
        ("hop_carted_only", {"product": "세럼"}, [1.0]),
        ("hop_region_value", {"region": "서울"}, [15000.0]),
    ],
)
def test_gold_is_what_one_counts_by_hand(
    handmade: Raw, family: str, slots: dict[str, str], expected: list[float]
) -> None:
    assert values(family, handmade, **slots) == pytest.approx(expected)


def test_both_readings_of_an_unclear_word_are_right(handmade: Raw) -> None:
    (number,) = cases("orders", handmade, **FEBRUARY)[0].gold.numbers
    assert number.also == (6.0,)  # sales, or every order placed


def test_a_tie_for_the_first_place_is_not_asked(handmade: Raw) -> None:
    assert cases("best_seller", handmade, **FEBRUARY)[0].gold.names == ("세럼",)
    handmade.lines.loc[:, "quantity"] = 1  # two lines each of two products
    assert not cases("best_seller", handmade, **FEBRUARY)


def test_the_set_is_large_varied_and_the_same_every_time(landed: Raw, questions: QuestionSet) -> None:
    again = question_set(landed)
    assert again.digest == questions.digest and again.questions == questions.questions
    kinds = Counter(q.kind for q in questions.questions)
    assert len(questions.questions) >= 340 and min(kinds[k] for k in KINDS) >= 40
    assert set(STYLES) == {q.style for q in questions.questions}
    assert len({q.text for q in questions.questions}) == len(questions.questions)
    assert len({q.id for q in questions.questions}) == len(questions.questions)
    assert all(q.gold.refuse == (q.kind == "unanswerable") for q in questions.questions)
    assert all(q.gold.refuse or q.gold.numbers or q.gold.names for q in questions.questions)


def test_a_sample_keeps_the_shares_of_kinds(questions: QuestionSet) -> None:
    sample = questions.sample(50)
    whole, part = (Counter(q.kind for q in s.questions) for s in (questions, sample))
    assert len(sample.questions) == 50 and sample.digest != questions.digest
    assert all(abs(part[k] / 50 - whole[k] / len(questions.questions)) < 0.03 for k in KINDS)


def test_what_is_asked_survives_every_style() -> None:
    text = "2026년 3월 로즈 쿠폰 크림 매출 얼마야?"
    styles = Counter()
    for seed in range(200):
        shown, style = styled(text, ["2026년 3월", "로즈 쿠폰 크림"], Random(seed))
        assert "2026년 3월" in shown and "로즈 쿠폰 크림" in shown
        styles[style] += 1
    assert set(styles) == set(STYLES)


@pytest.mark.slow
def test_the_generators_tables_and_the_landed_ones_give_the_same_gold(landed: Raw, questions: QuestionSet) -> None:
    tables = sandbox_tables(customers=len(landed.members), seed=Settings.sandbox_seed)
    frames = {name: table.to_pandas().rename(columns={"member_id": "member_key"}) for name, table in tables.items()}
    drawn = question_set(raw_of(frames, zone="Asia/Seoul", currency="KRW"))
    named = {q.id for q in drawn.questions if q.family.startswith(("one_member", "no_", "one_order_amount"))}
    ours = {q.id: q for q in questions.questions if q.id not in named}
    theirs = {q.id: q for q in drawn.questions if q.id not in named}
    assert set(ours) == set(theirs) and len(ours) > 280
    for key, question in ours.items():
        other = theirs[key]
        assert (question.text, question.gold.names) == (other.text, other.gold.names), key
        assert [n.value for n in question.gold.numbers] == pytest.approx([n.value for n in other.gold.numbers]), key


def test_a_mall_without_reviews_or_coupons_is_asked_about_what_it_has(handmade: Raw) -> None:
    from dataclasses import replace

    bare = replace(handmade, reviews=handmade.reviews.iloc[:0], coupons=handmade.coupons.iloc[:0])
    families = {q.family for q in question_set(bare).questions}
    assert "sales" in families and "api_path" in families
    assert not [f for f in families if "rating" in f or "review" in f or ("coupon" in f and not f.startswith("no_"))]


def test_every_family_is_worded_and_every_wording_used() -> None:
    from cafe24_pipelines.experiments.data_files import yaml_file

    assert set(yaml_file("families.yaml")) == {f.key for f in FAMILIES}
    for module in (gold_totals, gold_entities, gold_hops):
        assert module.FAMILIES
