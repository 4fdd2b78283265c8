"""Order, member and product downloads of the admin: recognised by their headers, pooled, landed, accounted for."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.errors import BadInput

HEADER = (
    "주문번호,품목별 주문번호,주문일시,결제일시(입금확인일),주문 상태,주문자ID,주문자명,상품번호,상품코드,주문상품명,"
    "상품옵션,수량,판매가,옵션추가 가격,총 결제금액(KRW),총 배송비(KRW),쿠폰 할인금액,회원등급 추가할인금액,"
    "사용한 쿠폰명"
)
A1 = ("20261101-0000011,20261101-0000011-01,2026-11-01 13:02:11,2026-11-01 13:05:00,배송 완료,kim01,김하늘,"
      '7,P000000H,머그컵,색상=빨강,2,"10,000원",500,"KRW 22,500","3,000","1,000",500,신규가입 쿠폰')  # fmt: skip
A2 = ("20261101-0000011,20261101-0000011-02,2026-11-01 13:02:11,2026-11-01 13:05:00,취소 완료,kim01,김하늘,"
      '9,P000000J,접시,,1,"￦12,000",0,"KRW 22,500","3,000","1,000",500,신규가입 쿠폰')  # fmt: skip
B1 = ("20261102-0000012,20261102-0000012-01,2026.11.02,,입금전,,이바다,7,P000000H,머그컵,색상=파랑,1,"
      "10000,0,13000,3000,0,0,")  # fmt: skip


@pytest.fixture
def mall(shop):
    """A folder without any file yet."""
    for path in list(shop.folder.iterdir()):
        path.unlink()
    return shop


def account(report, file: str):
    return next(f for f in report.reconciliation.files if f.file == file)


def test_an_order_download_lands_without_a_mapping(mall) -> None:
    mall.write("주문_20261101.csv", HEADER, A1, A2, B1, encoding="cp949", end="\r\n")
    report = mall.land()
    assert report.reconciliation.balanced and report.quarantined == 0
    first, guest = mall.lake.read("orders").to_pylist()
    assert first["ordered_at"] == datetime(2026, 11, 1, 4, 2, 11, tzinfo=UTC)
    assert (first["status"], guest["status"]) == ("delivered", "unpaid")  # one cancelled line cancels no order
    assert first["member_key"] == pseudonyms(mall.settings, "myshop").of("kim01") and guest["member_key"] is None
    money = [first[n] for n in ("paid_amount", "shipping_fee", "discount_amount")]
    assert money == [22500, 3000, 1500]  # amounts of the order stand on both of its lines and count once
    items = mall.lake.read("order_items").to_pylist()
    assert [(i["line_no"], i["product_no"], i["unit_price"], i["amount"], i["status"]) for i in items] == [
        (1, "7", 10500, 21000, "delivered"), (2, "9", 12000, 12000, "cancelled"), (1, "7", 10000, 10000, "unpaid"),
    ]  # fmt: skip
    (coupon,) = mall.lake.read("coupons").to_pylist()
    assert (coupon["coupon_name"], coupon["coupon_no"]) == ("신규가입 쿠폰", first["coupon_no"])
    figures = {f.name: f.read for f in report.reconciliation.figures}
    assert (figures["orders"], figures["order lines"], figures["paid amount"]) == (2, 3, Decimal(35500))
    assert not mall.land().changed


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_columns_in_any_order_and_spelling(mall, encoding: str) -> None:
    header = "수 량,상품명(한국어 쇼핑몰),주문상태,상품구매금액,상품구매금액(KRW),상품품목코드,주문자 아이디,"
    header += "주문번호,결제일시"
    line = '3,머그컵,배송중,"9,000","9,000",P00000KV000A,kim01,20261101-0000011,2026-11-01(일) 오후 1:02'
    mall.write("a.csv", header, line, encoding=encoding)
    mall.land()
    (item,) = mall.lake.read("order_items").to_pylist()
    assert (item["product_no"], item["product_name"], item["unit_price"]) == ("P00000KV", "머그컵", 3000)
    (order,) = mall.lake.read("orders").to_pylist()
    assert order["ordered_at"] == datetime(2026, 11, 1, 4, 2, tzinfo=UTC)
    assert order["paid_amount"] == 9000  # no total in the form: the lines' sum


def test_an_amount_in_another_currency_is_not_the_malls(mall) -> None:
    mall.write("a.csv", "주문번호,주문일시,주문자ID,주문 상태,상품번호,수량,판매가,총 결제금액(USD),총 배송비(USD)",
               "20261101-0000011,2026-11-01,kim01,배송중,7,1,12000,9.20,2")  # fmt: skip
    mall.land()
    (order,) = mall.lake.read("orders").to_pylist()
    assert (order["paid_amount"], order["shipping_fee"]) == (12000, None)


def test_an_unpaid_order_without_a_time_has_the_day_of_its_number(mall) -> None:
    mall.write("a.csv", "주문번호,결제일시,주문자ID,주문 상태,상품번호,수량,판매가",
               "20261101-0000011,,kim01,입금전,7,1,12000", "odd,,kim01,입금전,7,1,12000")  # fmt: skip
    report = mall.land()
    (order,) = mall.lake.read("orders").to_pylist()
    assert order["ordered_at"] == datetime(2026, 10, 31, 15, tzinfo=UTC)
    assert any("1 rows have no time" in note for note in account(report, "a.csv").notes)
    assert account(report, "a.csv").reasons == {"ordered_at is empty": 1}


def test_cells_wrapped_for_excel_are_the_text_inside(mall) -> None:
    mall.write("a.csv", "주문번호,주문일시,주문자ID,주문 상태,상품번호,수량,판매가",
               '"=""20261101-0000011""",2026-11-01,"=""kim01""",배송중,"=""007""",1,12000')  # fmt: skip
    mall.land()
    (item,) = mall.lake.read("order_items").to_pylist()
    assert (item["order_id"], item["product_no"]) == ("20261101-0000011", "007")
    assert mall.lake.read("orders")["member_key"].to_pylist() == [pseudonyms(mall.settings, "myshop").of("kim01")]


# -- several files -------------------------------------------------------------------------------------------------


def test_overlapping_downloads_are_merged_and_every_line_accounted_for(mall) -> None:
    mall.write("주문_20261031.csv", HEADER, A1, A2, A1)
    later = B1.replace("입금전", "결제완료")
    (mall.folder / "11월").mkdir()
    mall.write("11월/주문_20261130.csv", HEADER, A1, later)
    mall.write("주문_20261115.csv", HEADER, B1)
    report = mall.land()
    assert report.reconciliation.balanced and report.quarantined == 0
    assert mall.lake.counts()["order_items"] == 3
    assert mall.lake.read("orders")["status"].to_pylist() == ["delivered", "paid"]
    merged = {f.file: (f.records, f.landed, f.merged) for f in report.reconciliation.files}
    assert merged == {
        "주문_20261031.csv": (3, 1, 2),
        "주문_20261115.csv": (1, 0, 1),
        "11월/주문_20261130.csv": (2, 2, 0),
    }
    assert any("1 rows are an older state" in n for n in account(report, "주문_20261115.csv").notes)


def test_of_two_states_the_more_advanced_counts_whatever_the_files_are_called(mall) -> None:
    mall.write("z_20261130.csv", HEADER, B1)
    mall.write("a_20261101.csv", HEADER, B1.replace("입금전", "배송중"))
    mall.land()
    assert mall.lake.read("orders")["status"].to_pylist() == ["shipping"]


def test_the_same_item_twice_in_one_file_with_other_content_is_refused(mall) -> None:
    mall.write("a.csv", HEADER, B1, B1.replace(",1,10000,", ",5,10000,"))
    report = mall.land()
    assert account(report, "a.csv").reasons == {
        "order_id repeats with other content within one file; one was kept": 1
    }
    assert mall.lake.read("order_items")["quantity"].to_pylist() == [1]
    assert report.reconciliation.balanced


def test_without_item_numbers_equal_lines_stay_two_and_a_second_download_adds_none(mall) -> None:
    header = "주문번호,주문일시,주문자ID,주문 상태,상품번호,상품옵션,수량,판매가"
    line = "20261101-0000011,2026-11-01 10:00,kim01,배송중,7,빨강,1,12000"
    mall.write("a_20261101.csv", header, line, line, line.replace("빨강", "파랑"))
    mall.write("b_20261102.csv", header, line, line, line.replace("빨강", "파랑"))
    report = mall.land()
    assert mall.lake.counts()["order_items"] == 3
    assert sum(f.merged for f in report.reconciliation.files) == 3 and report.quarantined == 0


def test_files_with_other_columns_are_read_together(mall) -> None:
    mall.write("a.csv", HEADER, A1)
    mall.write("b.csv", "주문번호,품목별 주문번호,주문일시,주문자ID,주문 상태,상품번호,수량,판매가,배송완료일",
               "20261103-0000013,20261103-0000013-01,2026-11-03,lee02,배송완료,9,1,12000,2026-11-05")  # fmt: skip
    report = mall.land()
    assert [o["delivered_at"] for o in mall.lake.read("orders").to_pylist()] == [
        None, datetime(2026, 11, 4, 15, tzinfo=UTC),
    ]  # fmt: skip
    assert report.reconciliation.balanced and report.quarantined == 0


# -- members and products --------------------------------------------------------------------------------------


def test_a_member_download_reads_consent_and_drops_persons(mall) -> None:
    mall.write("주문.csv", HEADER, A1)
    mall.write(
        "member_20261101_1_1.csv",
        "아이디,이름,회원등급,성별,생년월일,휴대폰번호,주소1,모바일 메시지 수신여부,e메일 수신여부,회원 가입일,"
        "최종접속일",
        "kim01,김하늘,VIP,여자,1990-01-01,010-1234-5678,경기도 성남시 분당구 1,T,수신안함,2024-03-01,"
        "2026-11-01 09:00:00",
        "lee02,이바다,일반,미입력,,,여의도동 2,수신함,Y,2025-01-01,0000-00-00 00:00:00",
        encoding="cp949",
    )
    report = mall.land()
    assert report.quarantined == 0
    members = {m["region"]: m for m in mall.lake.read("customers").to_pylist()}
    assert members["경기"]["gender"] == "F" and members[None]["gender"] is None
    assert [(m["accepts_sms"], m["accepts_email"]) for m in members.values()] in (
        [(True, False), (True, True)], [(True, True), (True, False)],
    )  # fmt: skip
    assert members[None]["last_login_at"] is None
    tiers = {g["group_no"]: g["group_name"] for g in mall.lake.read("customer_groups").to_pylist()}
    assert tiers[members["경기"]["group_no"]] == "VIP"
    dropped = account(report, "member_20261101_1_1.csv").not_landed
    assert dropped == ["이름", "생년월일", "휴대폰번호"]


def test_of_two_member_downloads_the_newest_counts(mall) -> None:
    mall.write("주문.csv", HEADER, A1)
    for day, tier in (("20261101", "일반"), ("20261201", "VIP")):
        mall.write(f"member_{day}.csv", "아이디,회원등급,회원 가입일,이름", f"kim01,{tier},2024-03-01,x")
    report = mall.land()
    assert mall.lake.read("customer_groups")["group_name"].to_pylist() == ["VIP"]
    assert account(report, "member_20261101.csv").merged == 1


def test_products_meet_orders_where_any_file_pairs_number_and_code(mall) -> None:
    mall.write("주문.csv", HEADER, A1, B1)
    mall.write("product_1.csv", "상품코드,자체 상품코드,진열상태,판매상태,상품명,판매가,재고수량,등록일",
               "P000000H,,Y,Y,머그컵,10000.00,3,2024-01-01", "P0000ZZZ,,N,N,신상품,5000.00,0,2024-01-01")  # fmt: skip
    report = mall.land()
    products = {p["product_no"]: p for p in mall.lake.read("products").to_pylist()}
    assert products.keys() == {"7", "P0000ZZZ"}
    assert (products["7"]["selling"], products["7"]["stock_quantity"], products["7"]["price"]) == (True, 3, 10000)
    assert any("1 rows of the products files name their product by its code" in n
               for n in account(report, "product_1.csv").notes)  # fmt: skip


def test_members_alone_add_to_what_is_there(mall) -> None:
    mall.write("주문.csv", HEADER, A1)
    mall.land()
    (mall.folder / "주문.csv").unlink()
    mall.write("회원.csv", "아이디,회원등급,회원 가입일", "kim01,VIP,2024-03-01")
    report = mall.land()
    assert mall.lake.counts()["orders"] == 1 and mall.lake.counts()["customers"] == 1
    assert report.reconciliation.balanced


def test_a_file_alone_may_be_the_path_and_events_are_read_beside(mall) -> None:
    mall.write("주문.csv", HEADER, A1)
    mall.write("events.csv", "member_id,event,product_no,at", "kim01,조회,7,2026-11-01 09:00")
    assert mall.land().landed["events"].rows == 1
    mall.folder = mall.folder / "주문.csv"
    assert not mall.land().changed


# -- what is no download ---------------------------------------------------------------------------------------


def test_a_file_that_lacks_a_column_is_named_in_english_and_korean(mall) -> None:
    mall.write("정상.csv", HEADER, A1)
    mall.write("주문_11월.csv", "품목별번호,주문일시,주문자ID,상품번호,수량,판매가", "1,2026-11-01,kim01,7,1,100")
    with pytest.raises(BadInput) as e:
        mall.land()
    text = str(e.value)
    assert "이 파일은 주문 파일로 보이나 '주문번호', '주문 상태' 열이 없습니다" in text
    assert "주문_11월.csv" in text and "다운로드 양식관리" in text and "is missing" in text
    assert mall.lake.counts() == {}


def test_a_member_file_without_ids_is_named(mall) -> None:
    mall.write(
        "회원.csv",
        "이름,회원등급,나이,이메일,휴대폰번호,회원 가입일",
        "김하늘,VIP,30,a@b.kr,010-1111-2222,2024-01-01",
    )
    with pytest.raises(BadInput, match="이 파일은 회원 파일로 보이나 '아이디' 열이 없습니다") as e:
        mall.land()
    assert "김하늘" not in str(e.value) and "a@b.kr" not in str(e.value)


def test_every_other_file_is_listed_as_not_read(mall) -> None:
    mall.write("주문.csv", HEADER, A1)
    mall.write(
        "적립금.csv", "처리일시,아이디,이름,회원등급,적립금,주문번호,내용", "2026-11-01,kim01,김하늘,VIP,100,,가입"
    )
    mall.write("리뷰.csv", "번호,상품번호,상품명,판매가,제목,작성자,평점", "1,7,머그컵,100,좋아요,김하늘,5")
    mall.raw("old.zip", b"PK\x05\x06")
    mall.raw("사진.jpg", b"\xff\xd8")
    mall.raw(".DS_Store", b"x")
    mall.raw("~$주문.xlsx", b"x")
    report = mall.land()
    unread = {u.file: u.reason for u in report.reconciliation.unread}
    assert unread.keys() == {"적립금.csv", "리뷰.csv", "old.zip", "사진.jpg"}
    assert "unpack it" in unread["old.zip"] and "주문: 주문번호, 주문일시" in unread["적립금.csv"]
    assert ("적립금.csv", "not read", unread["적립금.csv"]) in report.rows()
    assert len(report.to_json()["reconciliation"]["unread"]) == 4
    assert "customers" not in report.landed


def test_a_folder_without_any_download_says_what_was_looked_for(mall) -> None:
    mall.write("메모.csv", "a,b,c", "김하늘,2,3")
    with pytest.raises(BadInput, match=r"no file of the folder is an order.*메모\.csv.*회원: 아이디") as e:
        mall.land()
    assert "김하늘" not in str(e.value)


def test_a_needed_column_twice_is_an_error(mall) -> None:
    mall.write("a.csv", HEADER + ",주문 상태", A1 + ",배송중")
    with pytest.raises(BadInput, match="'주문 상태' is there 2 times"):
        mall.land()


def test_files_read_by_the_contracts_names_leave_none_unmentioned(shop) -> None:
    shop.write("memo.csv", "a,b", "1,2")
    assert [u.file for u in shop.land().reconciliation.unread] == ["memo.csv"]


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("입금전", "unpaid"), ("결제완료", "paid"), ("상품준비중", "paid"), ("배송준비중", "paid"), ("배송대기", "paid"),
     ("배송보류", "paid"), ("배송중", "shipping"), ("배송 완료", "delivered"), ("구매확정", "confirmed"),
     ("취소신청", "cancelled"), ("취소 처리중 - 환불전", "cancelled"), ("입금전취소 - 관리자", "cancelled"),
     ("반품 접수", "returned"), ("반품 완료 - 환불완료", "returned"), ("교환완료", "exchanged"),
     ("환불보류", "returned"), ("취소철회", None), ("반품거부", None)],
)  # fmt: skip
def test_status_words_of_the_admin(mall, word: str, meaning: str | None) -> None:
    mall.write("a.csv", HEADER, A1, B1.replace("입금전", word))
    report = mall.land()
    landed = {o["order_id"]: o["status"] for o in mall.lake.read("orders").to_pylist()}
    assert landed.get("20261102-0000012") == meaning
    assert report.quarantined == (meaning is None)
