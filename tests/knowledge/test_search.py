"""Retrieval on a small corpus of our own: everyday Korean questions, exact names, malls apart."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from cafe24_pipelines.errors import BadInput, NotBuilt
from cafe24_pipelines.knowledge.chunks import chunk_documents
from cafe24_pipelines.knowledge.documents import Document, documents_table
from cafe24_pipelines.knowledge.encoder import K1, B, EncoderStore
from cafe24_pipelines.knowledge.index import publish_documents, publish_texts
from cafe24_pipelines.knowledge.search import Retriever, filters_of
from cafe24_pipelines.knowledge.tokens import tokenize
from cafe24_pipelines.names import API_DOCS, CRM_KNOWLEDGE, INSIGHTS
from cafe24_pipelines.stores.lake import Lake
from cafe24_pipelines.stores.vectors_embedded import EmbeddedVectors

ENDPOINTS = {
    "GET /api/v2/admin/orders": (
        "주문 목록 조회",
        "기간과 상태로 주문을 찾는다.",
        "order_id,member_id,payment_amount",
    ),
    "GET /api/v2/admin/orders/{order_id}": (
        "주문 상세 조회",
        "주문 한 건의 품목과 금액을 본다.",
        "order_id,actual_order_amount",
    ),
    "POST /api/v2/admin/cancellation": ("주문 취소 접수", "결제된 주문을 취소한다.", "order_id,reason"),
    "GET /api/v2/admin/refunds": ("환불 목록 조회", "돌려준 돈의 내역을 본다.", "refund_code,refund_amount"),
    "POST /api/v2/admin/return": ("반품 접수", "받은 상품을 되돌려 보낸다.", "order_item_code,pickup"),
    "GET /api/v2/admin/customers": ("회원 조회", "휴대폰이나 아이디로 회원을 찾는다.", "member_id,group_no"),
    "GET /api/v2/admin/customergroups": ("회원 등급 목록", "등급의 이름과 혜택을 본다.", "group_no,group_name"),
    "POST /api/v2/admin/points": ("적립금 지급과 차감", "회원에게 적립금을 주거나 뺀다.", "member_id,amount"),
    "GET /api/v2/admin/products": ("상품 목록 조회", "진열 상태로 상품을 찾는다.", "product_no,price"),
    "PUT /api/v2/admin/products/{product_no}/variants/{variant_code}/inventories": (
        "재고 수정",
        "품목의 재고 수량을 바꾼다.",
        "variant_code,quantity",
    ),
    "POST /api/v2/admin/coupons": ("쿠폰 만들기", "할인 쿠폰을 새로 등록한다.", "coupon_name,benefit_type"),
    "POST /api/v2/admin/coupons/{coupon_no}/issues": (
        "쿠폰 발급",
        "회원에게 쿠폰을 보낸다.",
        "coupon_no,issued_member_scope",
    ),
    "GET /api/v2/admin/carts": ("장바구니 조회", "회원이 담아 둔 상품을 본다.", "member_id,basket_product_no"),
    "POST /api/v2/admin/orders/{order_id}/shipments": (
        "배송 등록",
        "송장 번호와 택배사를 넣는다.",
        "tracking_no,shipping_company_code",
    ),
    "GET /api/v2/admin/boards/{board_no}/articles": (
        "게시글 조회",
        "상품 후기와 문의 글을 읽는다.",
        "article_no,rating",
    ),
}
ARTICLES = {
    "repurchase": (
        "재구매율 높이기",
        "한 번 산 손님이 다시 사러 오지 않으면 첫 구매 뒤 30일 안에 말을 건다. 재방문 쿠폰이 통한다.",
    ),
    "churn": (
        "이탈 고객 알아보기",
        "발길이 끊긴 고객은 구매 간격의 두 배가 지나면 떠났다고 본다. 돌아오게 하려면 먼저 이유를 묻는다.",
    ),
    "vip": ("우수 고객 관리", "단골은 매출의 대부분을 만든다. 등급을 나누고 먼저 혜택을 알린다."),
    "rfm": ("RFM 분석", "최근성, 빈도, 금액으로 고객을 나눈다. 세그먼트마다 할 일이 다르다."),
    "cart": ("장바구니 이탈", "담아 놓고 사지 않은 사람에게 하루 뒤에 알린다. 배송비가 가장 흔한 까닭이다."),
    "review": ("후기 늘리기", "상품평을 쓰면 적립금을 준다. 사진 후기가 더 팔린다."),
    "coupon": ("할인의 함정", "할인 쿠폰을 늘 뿌리면 제값에 사는 사람이 준다. 마진을 함께 본다."),
    "season": ("계절과 매출", "명절 앞에는 선물 수요가 몰린다. 재고를 미리 채운다."),
    "cohort": ("코호트 읽기", "가입한 달이 같은 고객끼리 남은 비율을 본다."),
    "ltv": ("고객 생애 가치", "한 고객이 앞으로 쓸 돈을 미리 셈한다. 광고비 한도를 정하는 데 쓴다."),
    "sms": ("문자 보내는 때", "점심과 저녁 사이에 보낸 문자가 잘 읽힌다. 밤에는 보내지 않는다."),
    "welcome": ("신규 회원 맞이", "가입한 첫 주에 인사와 첫 구매 혜택을 보낸다."),
    "bundle": ("묶음 판매", "같이 사는 상품을 묶으면 객단가가 오른다."),
    "price": ("가격 정하기", "값을 올리기 전에 작은 집단에서 시험한다."),
    "delivery": ("배송 지연 대응", "늦어지면 먼저 사과하고 도착할 날을 알린다."),
}


def documents() -> list[Document]:
    made = []
    for name, (title, body, fields) in ENDPOINTS.items():
        method, path = name.split(" ")
        made.append(
            Document(
                name, API_DOCS, "endpoint", title, body, "ko", "api", path.split("/")[4], method, path, fields=fields
            )
        )
    for slug, (title, body) in ARTICLES.items():
        made.append(Document(slug, CRM_KNOWLEDGE, "article", title, body, "ko", "crm"))
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where the mall `m` has published the corpus; tests that write use other malls."""
    root = tmp_path_factory.mktemp("home")
    publish(root, "m", documents())
    return root


def publish(root: Path, mall: str, docs: list[Document]) -> None:
    lake = Lake(root / "lake").mall(mall)
    lake.land("documents", documents_table(docs), snapshot=True)
    vectors = EmbeddedVectors(root / "vectors")
    publish_documents(lake, vectors, EncoderStore(root / "encoders"))
    vectors.close()


def retriever(root: Path, mall: str = "m") -> Retriever:
    return Retriever(EmbeddedVectors(root / "vectors"), EncoderStore(root / "encoders"), mall)


COLLOQUIAL = {
    "손님이 한번 사고 다시 안 와요": "repurchase",
    "발길 끊긴 손님 돌아오게 하려면?": "churn",
    "단골한테 잘해주고 싶은데": "vip",
    "장바구니에 담아만 놓고 안 사는 사람들": "cart",
    "상품평 좀 많이 받고 싶어요": "review",
    "할인쿠폰 맨날 뿌려도 되나요": "coupon",
    "명절에 재고 얼마나 채워야 하죠": "season",
    "광고비 얼마까지 써도 돼?": "ltv",
    "문자 몇시에 보내는게 좋아요": "sms",
    "택배가 늦어져서 화난 손님": "delivery",
    "적립금 주는 API": "POST /api/v2/admin/points",
    "송장번호 넣는 법": "POST /api/v2/admin/orders/{order_id}/shipments",
    "재고 수량 바꾸려면": "PUT /api/v2/admin/products/{product_no}/variants/{variant_code}/inventories",
    "반품 받으려면 뭘 불러야 돼": "POST /api/v2/admin/return",
    "회원에게 쿠폰 보내기": "POST /api/v2/admin/coupons/{coupon_no}/issues",
    "주문 취소해 주세요": "POST /api/v2/admin/cancellation",
}


def test_everyday_questions_find_their_document(home: Path) -> None:
    search = retriever(home).search
    ranks = {}
    for query, wanted in COLLOQUIAL.items():
        found = [f.document_id for f in search(query, limit=5)]
        ranks[query] = found.index(wanted) + 1 if wanted in found else 99
    assert all(rank <= 3 for rank in ranks.values()), ranks
    assert sum(rank == 1 for rank in ranks.values()) >= 0.8 * len(ranks), ranks


@pytest.mark.parametrize("name", list(ENDPOINTS))
def test_an_endpoint_is_found_by_its_method_and_path(home: Path, name: str) -> None:
    assert retriever(home).search(name, limit=1)[0].document_id == name
    asked = name.replace("{order_id}", "20260101-0000012")
    assert retriever(home).search(f"{asked} 응답 좀 알려줘", limit=3)[0].document_id == name


def test_a_field_name_finds_the_endpoints_that_return_it_in_any_spelling(home: Path) -> None:
    with_member = {name for name, (_, _, fields) in ENDPOINTS.items() if "member_id" in fields.split(",")}
    for spelling in ("member_id", "memberId"):
        found = {f.document_id for f in retriever(home).search(spelling, limit=len(with_member))}
        assert found == with_member
    assert retriever(home).search("tracking_no", limit=1)[0].document_id.endswith("/shipments")


SPOKEN = {
    "적림금 지급": "POST /api/v2/admin/points",  # a letter off
    "장바구늬 조회": "GET /api/v2/admin/carts",
    "환 불 목 록": "GET /api/v2/admin/refunds",  # torn apart
    "회원등급목록": "GET /api/v2/admin/customergroups",  # run together
    "안녕하세요 혹시 송장 번호 넣는 법 좀 부탁드려요 감사합니다": "POST /api/v2/admin/orders/{order_id}/shipments",
    "오더 리스트": "GET /api/v2/admin/orders",  # said in English
    "마일리지 차감": "POST /api/v2/admin/points",
    "단골 손님들한테 할인권 뿌리기": "POST /api/v2/admin/coupons/{coupon_no}/issues",  # as no document says it
    "다 판 물건 다시 채워 넣었어요 남은 수량 바꾸기": (
        "PUT /api/v2/admin/products/{product_no}/variants/{variant_code}/inventories"
    ),
}


@pytest.mark.parametrize("query", list(SPOKEN))
def test_questions_are_found_however_they_are_typed_and_said(home: Path, query: str) -> None:
    found = [f.document_id for f in retriever(home).search(query, collection=API_DOCS, limit=3)]
    assert SPOKEN[query] in found


def test_what_people_say_comes_with_the_document_and_is_not_its_text(home: Path) -> None:
    query = "단골 손님들한테 할인권 뿌리기"
    found = {f.document_id: f for f in retriever(home).search(query, collection=API_DOCS)}
    issue = found["POST /api/v2/admin/coupons/{coupon_no}/issues"]
    assert "단골" in issue.said and "단골" not in issue.text and "쿠폰" in issue.text


class Backwards:
    """A reranker that likes best what was found last."""

    depth = 3

    def scores(self, question: str, texts: Sequence[str]) -> list[float] | None:
        return [float(i) for i in range(len(texts))]


def test_a_reranker_orders_the_documents_that_it_reads(home: Path) -> None:
    plain = [f.document_id for f in retriever(home).search("쿠폰 회원", limit=6)]
    vectors, encoders = EmbeddedVectors(home / "vectors"), EncoderStore(home / "encoders")
    again = [f.document_id for f in Retriever(vectors, encoders, "m", Backwards()).search("쿠폰 회원", limit=6)]
    assert again == [*plain[2::-1], *plain[3:]]


def test_each_document_comes_once_best_first(home: Path) -> None:
    found = retriever(home).search("주문 회원 쿠폰 상품 재고", limit=20)
    assert len({f.document_id for f in found}) == len(found) == 20
    assert [f.score for f in found] == sorted((f.score for f in found), reverse=True)
    assert found == retriever(home).search("주문 회원 쿠폰 상품 재고", limit=20)
    assert len(retriever(home).search("주문", limit=2)) == 2


def test_collections_and_filters_narrow(home: Path) -> None:
    search = retriever(home).search
    assert {f.collection for f in search("쿠폰", limit=10)} == {API_DOCS, CRM_KNOWLEDGE}
    assert {f.collection for f in search("쿠폰", collection=CRM_KNOWLEDGE)} == {CRM_KNOWLEDGE}
    assert {f.kind for f in search("쿠폰", filters={"kind": "endpoint"}, limit=10)} == {"endpoint"}
    posts = search("회원에게 쿠폰", filters={"method": "POST"}, limit=20)
    assert {f.document_id for f in posts} == {name for name in ENDPOINTS if name.startswith("POST")}
    of_orders = search("주문", filters={"resource": "orders", "language": "ko"}, limit=20)
    assert {f.document_id for f in of_orders} == {name for name in ENDPOINTS if "/admin/orders" in name}
    assert not search("주문", filters={"language": "en"}) and not search("주문", filters={"version": "2020-01-01"})
    with pytest.raises(BadInput, match="mall_id"):
        search("주문", filters={"mall_id": "other"})


def test_filters_are_read_from_words() -> None:
    assert filters_of(["kind=endpoint", "scope=a=b"]) == {"kind": "endpoint", "scope": "a=b"}
    for wrong in ("kind", "=endpoint", "kind="):
        with pytest.raises(BadInput, match="FIELD=VALUE"):
            filters_of([wrong])


def test_an_unrelated_collection_does_not_push_out_the_answer(tmp_path: Path) -> None:
    publish(tmp_path, "m", documents())
    vectors, encoders = EmbeddedVectors(tmp_path / "vectors"), EncoderStore(tmp_path / "encoders")
    noise = [Document(f"i{i}", INSIGHTS, "insight", "발견", f"{i}월 요일 차이 없음", "ko", "p") for i in range(5)]
    publish_texts("m", INSIGHTS, noise, vectors, encoders)
    found = Retriever(vectors, encoders, "m").search("송장번호 넣는 법", limit=3)
    assert found[0].document_id.endswith("/shipments")
    assert all(f.collection != INSIGHTS for f in found)


@pytest.mark.parametrize("query", ["", "   ", "?!", "크로와상 zzzz"])
def test_words_nobody_wrote_find_nothing(home: Path, query: str) -> None:
    assert retriever(home).search(query) == []


def test_nothing_published_says_what_to_run(tmp_path: Path, home: Path) -> None:
    with pytest.raises(NotBuilt, match="cafe24 run"):
        retriever(tmp_path).search("쿠폰")
    with pytest.raises(NotBuilt, match=INSIGHTS):
        retriever(home).search("쿠폰", collection=INSIGHTS)
    with pytest.raises(NotBuilt, match="nobody"):
        retriever(home, "nobody").search("쿠폰")


def test_sparse_scores_are_bm25_by_hand_whatever_another_mall_holds(tmp_path: Path) -> None:
    publish(tmp_path, "m", documents())
    publish(
        tmp_path, "flood", [Document(f"x{i}", API_DOCS, "guide", "쿠폰", f"쿠폰 {i}", "ko", "t") for i in range(50)]
    )
    vectors, encoders = EmbeddedVectors(tmp_path / "vectors"), EncoderStore(tmp_path / "encoders")
    encoder = encoders.current("m")
    assert encoder is not None
    query = "쿠폰 발급 회원"
    hits = vectors.search("m", API_DOCS, dense=None, sparse=encoder.encode_query(query).sparse, limit=50)

    everything = chunk_documents("m", documents())
    chunks = [c for c in everything if c.document.collection == API_DOCS]
    counts = {
        c.chunk_id: Counter(words) for c, words in zip(chunks, tokenize([c.search_text for c in chunks]), strict=True)
    }
    lengths = [len(words) for words in tokenize([c.search_text for c in everything])]
    mean = sum(lengths) / len(lengths)
    expected = {}
    for chunk, words in counts.items():
        score = 0.0
        for token in set(tokenize([query])[0]):
            containing = sum(token in other for other in counts.values())
            idf = math.log((len(counts) - containing + 0.5) / (containing + 0.5) + 1)
            frequency = words[token]
            score += idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * words.total() / mean))
        if score:
            expected[chunk] = score
    assert {h.point_id: h.score for h in hits} == pytest.approx(expected, rel=1e-4)
