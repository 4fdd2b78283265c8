"""Masks of free text: what they find and what they leave, on sentences they were built on and on others."""

import random
import re
import runpy
import unicodedata
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.cafe24.masking import PLACEHOLDERS, mask_text, may_hold
from cafe24_pipelines.cafe24.masking.folding import fold
from cafe24_pipelines.cafe24.privacy import mask_own

HERE = Path(__file__).parent
BUILT_ON = runpy.run_path(str(HERE / "privacy_sentences.py"))
HELD_OUT = runpy.run_path(str(HERE / "privacy_held_out.py"))
EVERY = [*BUILT_ON["MASKED"], *HELD_OUT["MASKED"]]
FEWEST_OF_100 = 97
"""Sentences of a hundred that are as they should be, of those that no pattern was tuned on."""


def unmarked(sentence: str) -> str:
    return sentence.replace("«", "").replace("»", "")


def bare(text: str) -> str:
    """Letters and digits alone, as a reader sees them."""
    shown = unicodedata.normalize("NFKC", re.sub(r"<[^>]*>", "", unescape(text)))
    return "".join(c for c in shown if c.isalnum()).casefold()


def leaks(sentence: str) -> list[str]:
    """Words between the marks of a sentence that are still there when it is masked."""
    parts = re.split(r"«(.*?)»", sentence, flags=re.DOTALL)
    around, left = bare("".join(parts[::2])), bare(mask_text(unmarked(sentence)))
    words = [bare(word) for part in parts[1::2] for word in (part, *re.split(r"[\s,]+", part))]
    return [word for word in words if len(word) > 1 and word in left and word not in around]


def stays(sentence: str) -> bool:
    """Whether what stands around the marks is left as it was."""
    parts = re.split(r"«.*?»", sentence, flags=re.DOTALL)
    mark = r"\[[가-힣]+\](?:[ /]?\[[가-힣]+\])*"
    return re.fullmatch(mark.join(map(re.escape, parts)), mask_text(unmarked(sentence)), re.DOTALL) is not None


def test_what_is_personal_goes_and_what_stands_around_it_stays() -> None:
    assert len(BUILT_ON["MASKED"]) > 100
    assert [(s, mask_text(unmarked(s))) for s in BUILT_ON["MASKED"] if leaks(s) or not stays(s)] == []


def test_what_is_not_personal_stays() -> None:
    assert len(BUILT_ON["KEPT"]) > 100
    assert [(s, mask_text(s)) for s in BUILT_ON["KEPT"] if mask_text(s) != s] == []


def test_sentences_that_no_pattern_was_tuned_on_are_masked_too() -> None:
    missed = [s for s in HELD_OUT["MASKED"] if leaks(s)]
    spoilt = [s for s in HELD_OUT["KEPT"] if mask_text(s) != s]
    assert len(HELD_OUT["MASKED"]) > 60 and len(HELD_OUT["KEPT"]) > 60
    assert 100 * len(missed) <= (100 - FEWEST_OF_100) * len(HELD_OUT["MASKED"]), missed
    assert 100 * len(spoilt) <= (100 - FEWEST_OF_100) * len(HELD_OUT["KEPT"]), spoilt


def test_masking_twice_changes_nothing_and_says_what_it_found() -> None:
    for sentence in EVERY:
        masked = mask_text(unmarked(sentence))
        assert mask_text(masked) == masked
        assert any(mark in masked for mark in PLACEHOLDERS)


def test_the_quick_look_lets_nothing_by() -> None:
    assert [s for s in EVERY if not may_hold(unmarked(s))] == []
    assert not may_hold("안녕하세요! 옷이 참 예쁘네요. 색감이 화면과 같아요 👍 …")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("010-1234-5678", "[전화번호]"), ("900101-1234567", "[주민번호]"),
        ("주민번호 900101-1234567", "주민번호 [주민번호]"),
        ("123-456-01-234567", "[계좌번호]"), ("4242-4242-4242-4242", "[카드번호]"),
        ("P123456789012", "[통관번호]"),
        ("11-12-123456-01", "[면허번호]"), ("여권 M12345678", "여권 [여권번호]"),
        ("송장 688123456789", "송장 [번호]"),
        ("2000210738@k 님", "[회원] 님"), ("a@b.kr", "[이메일]"), ("생일 3월 5일", "생일 [생년월일]"),
        ("서울 강남구 테헤란로 152", "[주소]"), ("예금주: 홍길동", "예금주: [이름]"),
    ],
)  # fmt: skip
def test_a_placeholder_says_what_was_there(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_goods_and_residents_are_told_apart_by_their_check_digits() -> None:
    assert mask_text("8801234567893") == "8801234567893", "goods"
    assert mask_text("8801234567894") != "8801234567894", "no goods: the check digit is wrong"
    assert mask_text("880101-1234567") == "[주민번호]", "nobody writes a bar code so"


# -- spellings -------------------------------------------------------------------------------------------------------

KOREAN = dict(zip("0123456789", ("공영", "일", "이", "삼", "사", "오", "육륙", "칠", "팔", "구"), strict=True))
SCRIPTS = (
    *[lambda d: d] * 6, lambda d: chr(0xFF10 + int(d)), lambda d: chr(0x0660 + int(d)), lambda d: f"&#{ord(d)};",
    lambda d: chr(0x1D7CE + int(d)), lambda d: chr(0x2460 + int(d) - 1) if d != "0" else "⓪",
    lambda d: f"{d}\ufe0f\u20e3",
)  # fmt: skip
BETWEEN = (
    "", "-", " ", ".", " - ", "–", "—", "·", "/", "~", ") ", "_", "ㅡ", "－", "\u00a0", "&nbsp;", "&#45;", "<br>",
    "\n", "\u200b", "\u00ad", "-\u200b", " / ", "․", "ㆍ", "  ", " 다시 ", "<b>-</b>", "</span><span>",
)  # fmt: skip
UNSEEN = ("", "", "", "\u200b", "\u00ad", "\u2060", "\ufeff", "\u200d")
BEFORE = ("", "연락처 ", "연락처: ", "제 번호는 ", "<p>", "좋아요ㅎㅎ ", "문의 ")
BEHIND = ("로 연락주세요", " 로 주세요", "입니다", "이에요", ".", "", "</p>", " 예요!", "\n감사합니다", "이요", "번")


def spelt(rng: random.Random, groups: list[str], *, words: bool) -> str:
    """Digits in some script or in words, with something between the groups and the digits."""
    script, unseen, one = rng.choice(SCRIPTS), rng.choice(UNSEEN), rng.choice(BETWEEN)
    share = rng.choice((0.4, 1.0)) if words else 0.0
    last = len(groups) - 1
    said = [
        # the very last digit in digits: what follows a word might be the rest of another
        unseen.join(
            rng.choice(KOREAN[d]) if rng.random() < share and (n, k) != (last, len(group) - 1) else script(d)
            for k, d in enumerate(group)
        )
        for n, group in enumerate(groups)
    ]  # fmt: skip
    return said[0] + "".join((one if rng.random() < 0.8 else rng.choice(BETWEEN)) + part for part in said[1:])


def number(rng: random.Random, size: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(size))


def card(rng: random.Random) -> list[str]:
    digits = rng.choice("3459") + number(rng, 14)
    twice = [int(d) * (1 if n % 2 else 2) for n, d in enumerate(reversed(digits))]
    digits += str(-sum(d - 9 if d > 9 else d for d in twice) % 10)
    return [digits[n : n + 4] for n in range(0, 16, 4)]


def groups_of(rng: random.Random, kind: str) -> list[str]:
    if kind == "card":
        return card(rng)
    if kind == "resident":
        born = f"{rng.randint(50, 79):02}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
        return [born, rng.choice("1256") + number(rng, 6)]
    first = {"mobile": ("010",), "old mobile": ("011", "016", "019"), "landline": ("02", "031", "051", "064", "070"),
             "safe": ("0503", "0504", "0507")}[kind]  # fmt: skip
    middle = rng.choice("23456789") + number(rng, 2 if kind == "old mobile" else 3)
    return [rng.choice(first), middle, number(rng, 4)]


@pytest.mark.parametrize("kind", ["mobile", "old mobile", "landline", "safe", "resident", "card"])
def test_a_number_is_masked_in_every_spelling(kind: str) -> None:
    rng = random.Random(f"spellings of {kind}")
    for n in range(250):
        groups = groups_of(rng, kind)
        told = spelt(rng, groups, words=kind == "mobile" and n % 2 == 1)
        text = rng.choice(BEFORE) + told + rng.choice(BEHIND)
        masked = mask_text(text)
        shown = unicodedata.normalize("NFKC", unescape(masked))
        assert not any(c.isdigit() for c in shown), (text, masked)
        assert mask_text(masked) == masked, text


def test_numbers_side_by_side_do_not_hide_each_other() -> None:
    rng = random.Random("side by side")
    for _ in range(200):
        kinds = rng.sample(("mobile", "old mobile", "landline", "safe", "card"), 3)
        told = ["-".join(groups_of(rng, kind)) for kind in kinds]
        told[rng.randrange(3)] = "공일공 일이삼사 오육칠팔"
        masked = mask_text(rng.choice((" ", ", ", "\n", " / ", " 또 ")).join(told))
        assert not any(c.isdigit() for c in masked) and "삼사" not in masked, (told, masked)


PLACES = (
    "서울특별시 강남구", "서울시 마포구", "경기도 성남시 분당구", "경기 용인시 수지구", "부산 부산진구",
    "전주시 완산구", "강남구", "경남 창원시 마산합포구", "세종특별자치시", "광주광역시 북구", "기장군",
)  # fmt: skip
ROADS = (
    "가람로",
    "누리대로",
    "한빛마을로{n}길",
    "다솔로 {n}길",
    "새봄중앙로{n}번길",
    "월드컵북길",
    "송도과학{n}로",
    "아리수로{n}가길",
)
FLATS = (
    "",
    ", 3층",
    " 101동 1203호",
    " (나래동, 한빛아파트)",
    " 한빛아파트 101동 1203호",
    ", 지하 1층",
    " B동 302호",
)


def test_an_address_is_masked_however_it_is_put_together() -> None:
    rng = random.Random("addresses")
    for _ in range(400):
        road = rng.choice(ROADS).format(n=rng.randint(1, 9))
        town, hill = rng.choice(("가온동", "다온읍 라온리", "사랑동3가")), rng.choice(("", "산 "))
        lot = f"{town} {hill}{rng.randint(1, 999)}-{rng.randint(1, 99)}"
        place = rng.choice((f"{road}{rng.choice((' ', ''))}{rng.randint(1, 999)}", lot))
        address = rng.choice(("", "(06234) ")) + f"{rng.choice(PLACES)} {place}{rng.choice(FLATS)}"
        text = (
            rng.choice(("", "배송지: ", "주소는 ", "좋아요. "))
            + address
            + rng.choice((" 로 보내주세요", " 입니다", "", "."))
        )
        masked = mask_text(text)
        assert not any(c.isdigit() for c in masked) and road[:2] not in masked, (text, masked)


# -- the folded copy -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("０１０－１２", "010-12"), ("①⓪㎜", "10mm"), ("0\u200b1\u00ad0", "010"),
        ("&#48;&nbsp;1&amp;", "0 1&"),
        ("ㄱㅏ가나", "ㄱㅏ가나"), (unicodedata.normalize("NFD", "공일공"), "공일공"),
        ("5\ufe0f\u20e3", "5"), ("%30%40", "0@"),
    ],
)  # fmt: skip
def test_what_looks_alike_is_spelt_alike(text: str, folded: str) -> None:
    assert fold(text).text == folded


def test_parts_of_the_copy_lead_back_to_the_original() -> None:
    text = "앞 &#48;１\u200b２ 뒤"
    copy = fold(text)
    start = copy.text.index("012")
    assert copy.replaced([(start, start + 3, "X")]) == "앞 X 뒤"
    assert copy.replaced([]) == text
    assert fold("<b>1</b>", tags=True).text == " 1 "


# -- a row's own people ----------------------------------------------------------------------------------------------


def test_a_row_of_a_file_loses_its_own_people_and_no_other() -> None:
    people: dict[str, list[Any]] = {
        "writer": ["김하늘", "이도윤"], "member_id": ["sky_kim77", None],
        "writer_email": ["cloud9@example.com", None],
        "rating": ["하늘", "5"],
    }  # fmt: skip
    texts = ["김 하늘(sky-kim77, cloud9) 드림. 하늘색이에요", "김하늘 님과 이도윤"]
    assert mask_own(texts, people) == ["[이름]([회원], [이메일]) 드림. 하늘색이에요", "김하늘 님과 [이름]"]
    assert mask_own([None, ""], people) == [None, ""]
