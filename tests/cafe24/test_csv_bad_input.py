"""What a merchant's files get wrong: each case ends in a clear error or in the quarantine, never in silence."""

import gzip
import json
from decimal import Decimal

import pytest

from cafe24_pipelines.errors import BadInput

BALANCED = "every line and amount is accounted for"


def reasons(shop) -> dict[str, int]:
    report = shop.land()
    assert report.reconciliation.balanced, BALANCED
    held = shop.quarantine()
    assert len(held) == report.quarantined == sum(f.quarantined for f in report.reconciliation.files)
    counted: dict[str, int] = {}
    for row in held:
        counted[row["reason"]] = counted.get(row["reason"], 0) + 1
    return counted


# -- columns -------------------------------------------------------------------------------------------------


def test_a_missing_column_names_file_column_what_is_there_and_how_to_map(shop) -> None:
    shop.write("orders.csv", "order_id,member_id,when,paid_amount,status", "O1,a,2024-01-01,1,paid")
    with pytest.raises(BadInput) as e:
        shop.land()
    text = str(e.value)
    for part in ("orders.csv", "'ordered_at'", "order_id, member_id, when", "files.orders.columns", "ordered_at:"):
        assert part in text


def test_the_wrong_delimiter_is_told(shop) -> None:
    shop.write("orders.csv", "order_id;member_id;ordered_at;paid_amount;status", "O1;a;2024-01-01;1;paid")
    with pytest.raises(BadInput, match="separated by ';': set `delimiter:`"):
        shop.land()


def test_an_unknown_column_is_reported_by_name(shop) -> None:
    shop.write("orders.csv", "order_id,member_id,ordered_at,paid_amount,status,메모,gift",
               "O1,kim01,2024-03-01,30000,paid,x,y", "O2,,2024-03-02,5000,paid,x,y")  # fmt: skip
    report = shop.land()
    assert report.reconciliation.files[0].not_landed == ["메모", "gift"]
    assert ("orders.csv", "columns not landed", "메모, gift") in report.rows()


def test_a_needed_column_twice_is_an_error(shop) -> None:
    shop.write("orders.csv", "order_id,member_id,ordered_at,paid_amount,status,status", "O1,a,2024-01-01,1,paid,paid")
    with pytest.raises(BadInput, match="'status' is there 2 times"):
        shop.land()


def test_korean_headers_of_the_admin_are_known(shop) -> None:
    lines = ["주문번호,회원아이디,주문일시,결제금액,주문상태", "O1,kim01,2024-03-01 오후 1:05:00,30000,배송중"]
    shop.write("orders.csv", *lines, "O2,,2024.3.2,5000,구매확정", encoding="cp949")
    assert reasons(shop) == {}
    orders = shop.lake.read("orders")
    assert orders["status"].to_pylist() == ["shipping", "confirmed"]
    assert [t.isoformat() for t in orders["ordered_at"].to_pylist()] == [
        "2024-03-01T04:05:00+00:00", "2024-03-01T15:00:00+00:00",
    ]  # fmt: skip


# -- encodings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("stated", ["", "utf-8", "cp949"])
def test_text_is_read_right_whatever_encoding_is_stated(shop, encoding: str, stated: str) -> None:
    shop.write("order_items.csv", "order_id,product_no,product_name,category,quantity,unit_price",
               "O1,P1,머그컵 빨강,주방,1,1", encoding=encoding, end="\r\n")  # fmt: skip
    shop.map(f"encoding: {stated}\n" if stated else "currency: KRW\n")
    assert reasons(shop) == {}
    assert shop.lake.read("order_items")["product_name"].to_pylist() == ["머그컵 빨강"]
    notes = shop.land().reconciliation.files[1].notes
    real = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert any(f"states {stated}, but the file is {real}" in n for n in notes) == bool(stated and real != stated)


def test_text_in_no_known_encoding_is_a_clear_error(shop) -> None:
    shop.raw("orders.csv", b"order_id,member_id,ordered_at,paid_amount,status\nO1,\xff\xfe\xfa,2024-01-01,1,paid\n")
    with pytest.raises(BadInput, match=r"none of utf-8, cp949 \(first unreadable line: 2\).*CSV UTF-8"):
        shop.land()


def test_one_unreadable_line_among_good_ones_is_quarantined_by_hash(shop) -> None:
    good = "".join(f"O1,P{i},접시,주방,1,1\n" for i in range(5)).encode()
    shop.raw("order_items.csv", b"order_id,product_no,product_name,category,quantity,unit_price\n" + good
             + b"O1,P9,\xff\xff\xf0,x,1,1\n" + good)  # fmt: skip
    assert reasons(shop) == {"the line is not readable as utf-8": 1}
    (held,) = shop.quarantine()
    assert held["source_line"] == 7
    assert set(json.loads(held["row"])) == {"line", "length", "sha256"}
    assert shop.lake.counts()["order_items"] == 10


# -- quotes and lines ----------------------------------------------------------------------------------------


def test_a_broken_quote_costs_its_own_line_only(shop) -> None:
    shop.items(
        'O1,P1,"머그컵,주방,2,10000',  # never closed
        "O1,P2,접시,주방,1,10000",
        'O2,P1,"컵"x,주방,1,5000',  # closed too early
        'O2,P3,"좋은, 컵",주방,1,5000',
        'O2,P4,"열림,주방,1,5000',
        "O2,P5,끝,주방,1,5000",
    )
    assert reasons(shop) == {"the line has a broken quote": 3}
    assert [q["source_line"] for q in shop.quarantine()] == [2, 4, 6]
    assert shop.lake.read("order_items")["product_no"].to_pylist() == ["P2", "P3", "P5"]


def test_a_stray_opening_quote_does_not_reach_for_a_stray_closing_one(shop) -> None:
    shop.items('O1,"P1,컵,주방,1,10', *[f"O1,X{i},컵,주방,1,10" for i in range(50)], 'O1,P9",컵,주방,1,10')
    assert reasons(shop) == {"the line has a broken quote": 1}
    assert shop.lake.counts()["order_items"] == 51


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_legal_quoted_line_break_is_text(shop, end: str) -> None:
    header = "order_id,product_no,product_name,category,quantity,unit_price"
    first = f'O1,P1,"머그컵{end}""한정판"", 빨강",주방,2,10000'
    shop.write("order_items.csv", header, first, "", f'O1,P2,접시,"주방{end}{end}그릇",1,-5', end=end)
    assert reasons(shop) == {"unit_price is negative": 1}
    assert shop.lake.read("order_items")["product_name"].to_pylist() == ['머그컵\n"한정판", 빨강']
    (held,) = shop.quarantine()
    assert held["source_line"] == 5  # a record is where it begins: header 1, record 2-3, blank 4
    account = shop.land().reconciliation.files[1]
    assert (account.lines, account.blank, account.continuations, account.records) == (7, 1, 3, 2)


def test_a_quote_inside_plain_text_is_text(shop) -> None:
    shop.items('O1,P1,7" 못,철물,1,10', 'O1,P2,"7"" 못",철물,1,10')
    assert reasons(shop) == {}
    assert shop.lake.read("order_items")["product_name"].to_pylist() == ['7" 못', '7" 못']


def test_too_few_or_too_many_fields(shop) -> None:
    shop.items("O1,P1,컵,주방,1,10", "O1,P1,컵,주방,1", "O1,P1,컵,주방,1,10,김하늘", "   ", "O1,P2,컵,주방,1,10")
    assert reasons(shop) == {
        "the line has 5 fields where the header has 6": 1, "the line has 7 fields where the header has 6": 1,
    }  # fmt: skip
    assert "김하늘" not in str(shop.quarantine())
    assert shop.land().reconciliation.files[1].blank == 1


def test_na_and_null_are_text(shop) -> None:
    shop.items("O1,NA,NULL,n/a,1,10")
    shop.land()
    (item,) = shop.lake.read("order_items").to_pylist()
    assert (item["product_no"], item["product_name"], item["category"]) == ("NA", "NULL", "n/a")


# -- values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("O9,a,2024-02-30,1,paid", "ordered_at is not a date or time"),
        ("O9,a,어제,1,paid", "ordered_at is not a date or time"),
        ("O9,a,,1,paid", "ordered_at is empty"),
        ("O9,a,0001-01-01,1,paid", "ordered_at is not between the years 1990 and 2100"),
        (",a,2024-01-01,1,paid", "order_id is empty"),
        ("O9,a,2024-01-01,many,paid", "paid_amount is not a number"),
        ("O9,a,2024-01-01,NaN,paid", "paid_amount is not a number"),
        ("O9,a,2024-01-01,1e5,paid", "paid_amount is not a number"),
        ("O9,a,2024-01-01,1.00001,paid", "paid_amount has more than four decimals"),
        ("O9,a,2024-01-01,999999999999,paid", "paid_amount is too large"),
        ("O9,a,2024-01-01,1,발송함", "status is an unknown status"),
        ("O9,a,2024-01-01,1,", "status is empty"),
    ],
)
def test_an_order_with_a_bad_value(shop, line: str, reason: str) -> None:
    shop.orders("O1,kim01,2024-03-01,30000,paid", line, "O2,,2024-03-02,5000,paid")
    assert reasons(shop) == {reason: 1}
    (held,) = shop.quarantine()
    assert (held["source_file"], held["source_line"], held["field"]) == ("orders.csv", 3, reason.split(maxsplit=1)[0])
    assert shop.lake.counts()["orders"] == 2


@pytest.mark.parametrize(
    ("line", "reason", "amount"),
    [
        ("O1,P1,컵,주방,1,-10", "unit_price is negative", Decimal("-10")),
        ("O1,P1,컵,주방,1.5,10", "quantity is not a whole number", None),
        ("O1,P1,컵,주방,둘,10", "quantity is not a number", None),
        ("O1,,컵,주방,2,10", "product_no is empty", Decimal("20")),
        ("O1,P1,컵,주방,1000000000,99999999999", "unit_price x quantity is too large", None),
        ("O7,P1,컵,주방,3,10", "order_id is of no landed order (an order line without its order)", Decimal("30")),
    ],
)
def test_an_order_line_with_a_bad_value(shop, line: str, reason: str, amount: Decimal | None) -> None:
    shop.items("O1,P1,컵,주방,2,10", line, "O2,P1,컵,주방,-1,10")
    assert reasons(shop) == {reason: 1}
    (held,) = shop.quarantine()
    assert (held["source_line"], held["amount"], held["resource"]) == (3, amount, "order_items")
    figure = shop.land().reconciliation.figure("amount")
    assert figure.landed == Decimal("10") and figure.read == figure.landed + (amount or 0)


def test_the_lines_of_a_refused_order_go_with_it(shop) -> None:
    shop.orders("O1,kim01,2024-03-01,30000,paid", "O2,,soon,5000,paid")
    assert reasons(shop) == {
        "ordered_at is not a date or time": 1, "order_id is of no landed order (an order line without its order)": 1,
    }  # fmt: skip


def test_a_repeated_order_is_merged_when_equal_and_refused_when_not(shop) -> None:
    shop.orders(
        "O1,kim01,2024-03-01T10:00:00,30000,결제완료",
        "O2,,2024-03-02 09:30,5000,N40",
        "O1,kim01,2024-03-01 10:00,30000.0,paid",  # the same, written otherwise
        "O1,kim01,2024-03-01T10:00:00,99999,결제완료",
    )
    assert reasons(shop) == {"order_id repeats with other content; the first one was kept": 1}
    report = shop.land()
    orders = report.reconciliation.files[0]
    assert (orders.records, orders.landed, orders.merged, orders.quarantined) == (4, 2, 1, 1)
    assert shop.lake.read("orders")["paid_amount"].to_pylist() == [30000, 5000]
    assert report.reconciliation.figure("paid amount").read == Decimal("164999")


def test_equal_order_lines_are_two_lines(shop) -> None:
    shop.items("O1,P1,컵,주방,1,10", "O1,P1,컵,주방,1,10", "O2,P1,컵,주방,1,10")
    report = shop.land()
    assert shop.lake.read("order_items")["line_no"].to_pylist() == [1, 2, 1]
    assert report.reconciliation.figure("duplicate order lines").read == 1
    assert "1 order lines repeat" in report.reconciliation.notes[0]


def test_a_cell_that_is_not_what_it_should_be_is_shown_without_its_letters(shop) -> None:
    shop.orders("O1,kim01,2024-03-01,30000,paid", "O9,a,김하늘 7호,1,paid", "O2,,2024-03-02,5000,paid")
    shop.land()
    assert json.loads(shop.quarantine()[0]["row"])["ordered_at"] == "xxx 9x"


# -- files ---------------------------------------------------------------------------------------------------


def test_an_empty_file(shop) -> None:
    shop.raw("orders.csv", b"")
    with pytest.raises(BadInput, match=r"orders\.csv: the file is empty \(0 bytes\)"):
        shop.land()


def test_blank_lines_only(shop) -> None:
    shop.raw("orders.csv", b"\n\n  \n")
    with pytest.raises(BadInput, match="no header line"):
        shop.land()


def test_a_header_and_nothing_else(shop) -> None:
    shop.items()
    assert reasons(shop) == {}
    assert shop.lake.counts() == {"orders": 2, "order_items": 0}
    shop.orders()
    shop.land()  # an export of a quiet period: what landed before stays
    assert shop.lake.counts()["orders"] == 2


def test_no_orders_at_all(shop) -> None:
    shop.orders()
    shop.items()
    with pytest.raises(BadInput, match="not one order could be landed: the source holds no order"):
        shop.land()


def test_a_missing_folder_and_a_missing_file(shop) -> None:
    (shop.folder / "order_items.csv").unlink()
    with pytest.raises(BadInput, match=r"order_items\.csv is not in the folder.*found: orders\.csv"):
        shop.land()
    shop.folder = shop.folder / "nowhere"
    with pytest.raises(BadInput, match=r"folder does not exist.*--path"):
        shop.land()


def test_a_gzipped_file_and_a_damaged_one(shop) -> None:
    path = shop.folder / "orders.csv"
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    shop.raw("orders.csv.gz", packed)
    assert reasons(shop) == {}
    shop.raw("orders.csv.gz", packed[:-12])
    with pytest.raises(BadInput, match="gzip file is damaged"):
        shop.land()


def test_an_excel_workbook_is_named_as_one(shop) -> None:
    shop.raw("orders.csv", b"PK\x03\x04rest")
    with pytest.raises(BadInput, match=r"Excel workbook.*save it as CSV UTF-8"):
        shop.land()
