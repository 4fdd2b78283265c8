"""Particles: the form that a Korean reader would say, and both forms only where nobody could be sure."""

import ast
import re
from pathlib import Path

import pytest

import cafe24_pipelines
from cafe24_pipelines.korean import filled, particle

ROOT = Path(cafe24_pipelines.__file__).parent
BOTH = re.compile(r"[\W_]*(?:은\(는\)|는\(은\)|이\(가\)|가\(이\)|을\(를\)|를\(을\)|과\(와\)|와\(과\)|\(으\)로)")


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (
            "를 로",
            "니트 '니트' ‘니트’ **니트** 니트… 니트♥ 니트™ 니트_ 니트(블랙) 어제(2026-11-27) 니트</b> 니트&#x27;",
        ),
        ("을 으로", "가방 `가방` 가방</b> (가방) 가방&quot; \u1100\u1161\u1107\u1161\u11bc"),
        ("을 로", "서울 '양말' 지난달(2026-02-01~2026-02-28) [물]"),
        ("를 로", "2 45 1.5 9,999 1000000000000 30% 2.5%p ５ 20℃ 500ml 3cm $5 09:00 GS25"),
        ("을 으로", "0 10 100 1,000 10,000 100000000 2.0 3 16 09:30 3kg 3㎏ 1+1 ₩500"),
        ("을 로", "1 7 28 1.7 2026-11-28 2026-11 007"),
        ("를 로", "A SMS USD VIP orders order_id /orders/{order_id} product embed Naver CASES LEAF LARGE 50'S"),
        ("을 으로", "M CRM DESIGN BAG Version iPhone cup black 50kg classic limit since_created_at"),
        ("을 로", "L URL VR 2XL SMALL apple email"),
        ("을(를) (으)로", "漢字 ネコ K3 MP3 c1 ㅋㅋ !!! EUR CAP getattr edit"),
    ],
)
def test_the_form_follows_the_last_sound(read: str, words: str) -> None:
    for word in words.split():
        assert f"{particle(word, '을(를)')} {particle(word, '(으)로')}" == read, word


def test_every_particle_has_its_forms_and_nothing_to_go_by_keeps_both() -> None:
    said = [particle(w, "은(는)") + particle(w, "이(가)") + particle(w, "과(와)") for w in ("가방", "니트", "")]
    assert said == ["은이과", "는가와", "은(는)이(가)과(와)"]
    assert particle("(" * 100_000, "을(를)") == "을(를)"  # no square of the length


def test_a_template_is_filled_with_its_own_particles_and_what_others_wrote_stands() -> None:
    template = "'{a}'과(와) <b>{b}</b>이(가) {n:,}을(를) {{x}}은(는)"
    said = filled(template, a="나를(을) '을(를) 줘", b="이(가)", n=1200)
    assert said == "'나를(을) '을(를) 줘'와 <b>이(가)</b>가 1,200을 {x}은(는)"
    assert filled("개인정보는 {what}(으)로", what="[전화번호]") == "개인정보는 [전화번호]로"


def test_no_sentence_writes_both_forms_behind_a_value() -> None:
    rooms = ("answers", "discovery", "codegen", "crm", "cafe24/write_back")
    texts = [(p, p.read_text("utf-8")) for room in rooms for p in sorted((ROOT / room).rglob("*.py"))]
    found = [
        f"{path.name}:{piece.lineno} {piece.value}"
        for path, text in texts
        if BOTH.search(text)
        for joined in ast.walk(ast.parse(text))
        if isinstance(joined, ast.JoinedStr)
        for before, piece in zip(joined.values, joined.values[1:], strict=False)
        if isinstance(before, ast.FormattedValue) and isinstance(piece, ast.Constant) and BOTH.match(str(piece.value))
    ]
    assert texts and found == []
