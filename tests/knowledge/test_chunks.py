"""Chunks follow the document's structure, and their ids depend on content alone."""

from dataclasses import replace

import pytest

from cafe24_pipelines.knowledge.chunks import TARGET_CHARACTERS, chunk_documents
from cafe24_pipelines.knowledge.documents import Document

PARAGRAPHS = "\n\n".join(f"문단 {i}. " + "단골 고객에게 적립금을 지급한다. " * 8 for i in range(12))
TABLE = "| 필드 | 뜻 |\n|---|---|\n" + "\n".join(f"| field_{i} | {'설명 ' * 12}끝{i} |" for i in range(60))
BODY = f"""머리말이다.

## 주문

{PARAGRAPHS}

### 응답

{TABLE}

## 쿠폰

- 첫째 항목
  이어지는 줄
- 둘째 항목

```
# 제목이 아니다
GET /api/v2/admin/coupons
```
"""
DOC = Document("guide-orders", "cafe24_api_docs", "guide", "주문 안내", BODY, "ko", "guide")


def ids(documents: list[Document], mall: str = "m") -> set[str]:
    return {c.chunk_id for c in chunk_documents(mall, documents)}


def test_no_text_is_lost_and_no_chunk_is_much_longer_than_the_target() -> None:
    chunks = chunk_documents("m", [DOC])
    together = "".join(c.text for c in chunks)
    for line in BODY.splitlines():
        if line.strip() and not line.startswith("##"):
            assert all(word in together for word in line.split()), line
    assert max(len(c.text) for c in chunks) <= TARGET_CHARACTERS + 2
    assert sum(len(c.text) for c in chunks if c.heading == "주문") >= len(PARAGRAPHS) * 0.98


def test_a_table_row_is_never_cut_and_every_part_has_the_head() -> None:
    parts = [c.text for c in chunk_documents("m", [DOC]) if c.heading == "주문 > 응답"]
    assert len(parts) > 3
    rows = [line for part in parts for line in part.splitlines()]
    assert all(part.startswith("| 필드 | 뜻 |\n|---|---|\n") for part in parts)
    assert [row for row in rows if row.startswith("| field_")] == TABLE.splitlines()[2:]
    wide = replace(DOC, body="| a | b |\n|---|---|\n| x | " + "긴 " * 800 + "|\n| y | z |")
    assert any("긴 " * 800 in c.text for c in chunk_documents("m", [wide]))


def test_headings_make_a_path_and_a_fence_hides_them() -> None:
    headings = {c.heading for c in chunk_documents("m", [DOC])}
    assert headings == {"", "주문", "주문 > 응답", "쿠폰"}
    coupon = next(c for c in chunk_documents("m", [DOC]) if c.heading == "쿠폰")
    assert "첫째 항목\n  이어지는 줄" in coupon.text
    assert "# 제목이 아니다" in coupon.text


def test_editing_a_section_keeps_the_ids_of_all_others() -> None:
    edited = replace(
        DOC, body=BODY.replace("첫째 항목", "바뀐 항목").replace("머리말이다.", "머리말이다.\n\n새 문단.")
    )
    before = {c.chunk_id: c.heading for c in chunk_documents("m", [DOC])}
    after = {c.chunk_id: c.heading for c in chunk_documents("m", [edited])}
    assert {before[k] for k in before.keys() - after.keys()} == {"", "쿠폰"}
    assert {after[k] for k in after.keys() - before.keys()} == {"", "쿠폰"}


def test_ids_do_not_depend_on_the_other_documents_or_their_order() -> None:
    other = replace(DOC, document_id="other", body="다른 글")
    assert ids([other, DOC]) == ids([DOC, other]) == ids([DOC]) | ids([other])
    assert ids([DOC], "m").isdisjoint(ids([DOC], "n"))


def test_repeated_text_in_one_section_still_has_unique_ids() -> None:
    twice = replace(DOC, body="## 예시\n\n같은 글\n\n## 예시\n\n같은 글\n\n## 예시\n\n다른 글")
    chunks = chunk_documents("m", [twice])
    assert len(chunks) == len({c.chunk_id for c in chunks}) == 3


def test_fields_the_body_never_names_can_still_be_found() -> None:
    document = replace(DOC, body="회원을 조회한다. member_id 로 찾는다.", fields="member_id,last_login_date,group_no")
    added = [c.text for c in chunk_documents("m", [document]) if c.heading == "필드"]
    assert added == ["last_login_date, group_no"]


def test_the_hash_follows_what_is_encoded() -> None:
    chunk = chunk_documents("m", [DOC])[0]
    assert chunk_documents("n", [DOC])[0].content_hash == chunk.content_hash
    assert chunk_documents("m", [replace(DOC, title="다른 제목")])[0].content_hash != chunk.content_hash
    assert chunk_documents("m", [replace(DOC, title="다른 제목")])[0].chunk_id == chunk.chunk_id
    assert chunk.payload()["content_hash"] == chunk.content_hash


@pytest.mark.parametrize("text", ["가" * 5000, "낱말 " * 2000, "문장이다. " * 900, "a, " * 2000])
def test_text_without_structure_is_cut_without_loss(text: str) -> None:
    chunks = chunk_documents("m", [replace(DOC, body=text)])
    assert "".join("".join(c.text for c in chunks).split()) == "".join(text.split())
    assert all(len(c.text) <= TARGET_CHARACTERS + 2 for c in chunks)


@pytest.mark.parametrize("body", ["", "   \n\n", "## 빈 절\n\n## 또 빈 절"])
def test_a_document_without_text_is_found_by_its_title(body: str) -> None:
    assert [c.text for c in chunk_documents("m", [replace(DOC, body=body)])] == ["주문 안내"]
