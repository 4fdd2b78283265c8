"""Downloads as the admin really saves them: .xlsx, .xls, HTML with the ending .xls; and what can't be opened."""

import io
import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cafe24_pipelines.cafe24.csv_import.workbooks import cell_text
from cafe24_pipelines.errors import BadInput

HEADER = ["주문번호", "품목별 주문번호", "주문일시", "주문자ID", "주문자명", "주문 상태", "상품번호",
          "주문상품명", "수량", "판매가", "총 결제금액"]  # fmt: skip
ROW = ["20261101-0000011", "20261101-0000011-01", "2026-11-01 13:02:11", "kim01", "김하늘", "배송중", "007",
       "머그컵", 2, 10000, 20000]  # fmt: skip


@pytest.fixture
def mall(shop):
    """A folder without any file yet."""
    for path in list(shop.folder.iterdir()):
        path.unlink()
    return shop


def workbook(path: Path, *rows: Sequence[Any], sheet: str = "Sheet1", others: dict[str, list] | None = None) -> None:
    book = openpyxl.Workbook()
    for title, content in (others or {}).items():
        extra = book.create_sheet(title)
        for row in content:
            extra.append(row)
    main = book.create_sheet(sheet)
    for row in rows:
        main.append(list(row))
    del book["Sheet"]
    book.save(path)


def line(**changes: Any) -> list[Any]:
    row = dict(zip(HEADER, ROW, strict=True)) | {k.replace("_", " "): v for k, v in changes.items()}
    return [row[h] for h in HEADER]


# -- .xlsx -----------------------------------------------------------------------------------------------------


def test_a_workbook_holds_what_a_csv_would(mall) -> None:
    workbook(
        mall.folder / "아무이름.xlsx", HEADER, line(), line(품목별_주문번호="20261101-0000011-02", 상품번호=9.0),
        line(주문번호="20261102-0000012", 품목별_주문번호="20261102-0000012-01",
             주문일시=datetime(2026, 11, 2, 9, 30, 15)),  # noqa: DTZ001  Excel knows no zones
        line(주문번호="20261103-0000013", 품목별_주문번호="20261103-0000013-01", 주문일시=date(2026, 11, 3)),
        line(주문번호="20261104-0000014", 품목별_주문번호="20261104-0000014-01", 주문일시=46330.25),
    )  # fmt: skip
    report = mall.land()
    assert report.quarantined == 0 and report.reconciliation.balanced
    items = mall.lake.read("order_items")["product_no"].to_pylist()
    assert items[:2] == ["007", "9"]  # text keeps its zeros, a number has no .0
    at = [o.astimezone(UTC).isoformat() for o in mall.lake.read("orders")["ordered_at"].to_pylist()]
    assert at == ["2026-11-01T04:02:11+00:00", "2026-11-02T00:30:15+00:00", "2026-11-02T15:00:00+00:00",
                  "2026-11-03T21:00:00+00:00"]  # fmt: skip
    (file,) = report.reconciliation.files
    assert (file.encoding, file.lines, file.records, file.not_landed) == ("xlsx", 6, 5, ["주문자명"])


def test_titles_above_the_header_and_other_sheets_are_noted(mall) -> None:
    path = mall.folder / "주문.xlsx"
    workbook(path, ["11월 주문 목록"], [], HEADER, line(수량=0.5), [], line(), sheet="목록",
             others={"안내": [["이 파일은", "안내문입니다"]], "빈 시트": []})  # fmt: skip
    book = openpyxl.load_workbook(path)
    book["목록"].merge_cells("A1:K1")
    book.save(path)
    report = mall.land()
    (file,) = report.reconciliation.files
    assert file.file == "주문.xlsx [목록]"
    assert "the 2 lines above the header are titles and were skipped" in file.notes
    assert "the sheet '안내' was not read: it is no download" in file.notes and "빈 시트" not in str(file.notes)
    assert (file.lines, file.blank, file.records) == (6, 3, 2) and file.balanced
    (held,) = mall.quarantine()
    assert (held["source_file"], held["source_line"]) == ("주문.xlsx [목록]", 4)  # the row that Excel shows


def test_a_second_sheet_of_orders_is_said_not_to_be_read(mall) -> None:
    workbook(mall.folder / "a.xlsx", HEADER, line(), sheet="2월", others={"1월": [HEADER, line()]})
    (file,) = mall.land().reconciliation.files
    assert file.file == "a.xlsx [1월]" and "the sheet '2월' was not read: an earlier sheet was" in file.notes


def test_cells_merged_downwards_hold_in_every_row(mall) -> None:
    path = mall.folder / "a.xlsx"
    workbook(path, HEADER, line(), line(주문번호=None, 품목별_주문번호="20261101-0000011-02"))
    book = openpyxl.load_workbook(path)
    book["Sheet1"].merge_cells("A2:A3")
    book.save(path)
    assert mall.land().quarantined == 0
    assert mall.lake.counts() == {"orders": 1, "order_items": 2}


def test_a_workbook_and_a_csv_of_the_same_days_are_merged(mall) -> None:
    workbook(mall.folder / "a.xlsx", HEADER, line())
    mall.write("b.csv", ",".join(HEADER), ",".join(map(str, ROW)), encoding="cp949")
    report = mall.land()
    assert mall.lake.counts() == {"orders": 1, "order_items": 1}
    assert sum(f.merged for f in report.reconciliation.files) == 1


@pytest.mark.parametrize(
    ("cell", "text"),
    [(12.0, "12"), (12.5, "12.5"), (0.1, "0.1"), (1e16, "10000000000000000"), (1e-7, "0.0000001"), (True, "TRUE"),
     (" 007 ", "007"), (None, ""), (datetime(2026, 11, 1, 13, 2, 10, 999_700), "2026-11-01 13:02:11"),  # noqa: DTZ001  as above
     (date(2026, 11, 1), "2026-11-01")],
)  # fmt: skip
def test_cells_as_text(cell: Any, text: str) -> None:
    assert cell_text(cell) == text


# -- .xls ------------------------------------------------------------------------------------------------------


def biff(rows: Sequence[Sequence[Any]]) -> bytes:
    """A real .xls of one sheet: BIFF8 records in an OLE file of one stream."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    bof, eof = struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6), record(0x0A, b"")
    cells = b""
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                text = value.encode("utf-16-le")
                cells += record(0x204, struct.pack("<HHHHB", r, c, 0, len(value), 1) + text)
            elif value is not None:
                cells += record(0x203, struct.pack("<HHHd", r, c, 0, float(value)))
    size = record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, len(rows[0]), 0))
    sheet = record(0x809, bof) + size + cells + eof
    start = record(0x809, struct.pack("<HHHHII", 0x600, 0x05, 0, 0, 0, 6))
    name = struct.pack("<BB", 6, 0) + b"Sheet1"
    before = len(start) + 4 + 6 + len(name) + len(eof)
    stream = start + record(0x85, struct.pack("<IBB", before, 0, 0) + name) + eof + sheet
    stream += b"\0" * (max(4096, -(-len(stream) // 512) * 512) - len(stream))
    return ole("Workbook", stream)


def ole(name: str, stream: bytes) -> bytes:
    """An OLE compound file: header, allocation table, directory, one stream."""
    sectors = len(stream) // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0) + b"\xff" * 4 * 108

    def entry(title: str, kind: int, child: int, first: int, size: int) -> bytes:
        text = title.encode("utf-16-le") + b"\0\0"
        return (text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
                + b"\0" * 36 + struct.pack("<IQ", first, size))  # fmt: skip

    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(name, 2, 0xFFFFFFFF, 2, len(stream))
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    return head + table + directory.ljust(512, b"\0") + stream


def test_an_old_workbook_is_read(mall) -> None:
    mall.raw("order.xls", biff([HEADER, line(), line(품목별_주문번호="20261101-0000011-02", 상품번호=9)]))
    report = mall.land()
    assert report.reconciliation.files[0].encoding == "xls" and report.quarantined == 0
    assert mall.lake.read("order_items")["product_no"].to_pylist() == ["007", "9"]
    assert mall.lake.read("orders")["paid_amount"].to_pylist() == [Decimal(20000)]


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "utf-8-sig"])
def test_an_html_table_saved_as_xls_is_read(mall, encoding: str) -> None:
    cells = "".join(f"<th>{h}</th>" for h in HEADER)
    first = "<td rowspan='2'>20261101-0000011</td><td>20261101-0000011-01</td><td>2026-11-01 13:02:11</td>"
    rest = "<td>kim01</td><td>김하늘</td><td>배송중</td><td style='mso-number-format:\"\\@\"'>007</td>"
    rest += "<td>머그컵 &amp; 접시</td><td>2</td>"
    money = "<td>10,000</td><td>20,000원</td>"
    second = "<td>20261101-0000011-02</td><td>2026-11-01 13:02:11</td>" + rest + money
    html = (
        f"<html><head><meta charset='euc-kr'></head><body><table border=1><tr>"
        f"<td colspan={len(HEADER)}>주문 목록</td></tr><tr>{cells}</tr><tr>{first}{rest}{money}</tr>"
        f"<tr>{second}</tr></table></body></html>"
    )
    mall.raw("order_20261101.xls", html.encode(encoding))
    report = mall.land()
    (file,) = report.reconciliation.files
    assert (file.encoding, file.records, file.quarantined) == ("html", 2, 0) and file.balanced
    items = mall.lake.read("order_items").to_pylist()
    assert [(i["order_id"], i["product_no"], i["product_name"]) for i in items] == [
        ("20261101-0000011", "007", "머그컵 & 접시")
    ] * 2


def test_titles_and_another_delimiter_in_a_csv(mall) -> None:
    mall.write("a.csv", "주문 목록 (2026-11)", "", "\t".join(HEADER), "\t".join(map(str, ROW)))
    report = mall.land()
    assert report.reconciliation.balanced and mall.lake.counts()["orders"] == 1
    assert "the 2 lines above the header are titles and were skipped" in report.reconciliation.files[0].notes


# -- what can't be opened ----------------------------------------------------------------------------------------


def test_an_encrypted_workbook_is_a_clear_error(mall) -> None:
    mall.raw("주문.xlsx", ole("EncryptedPackage", b"\0" * 4096))
    with pytest.raises(BadInput, match=r"주문\.xlsx.*protected by a password.*save it without the password"):
        mall.land()


def test_broken_files_are_clear_errors(mall) -> None:
    buffer = io.BytesIO()
    openpyxl.Workbook().save(buffer)
    for name, data, match in (
        ("주문.xlsx", buffer.getvalue()[:2000], "workbook can't be read"),
        ("주문.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 900, "workbook can't be read"),
        ("주문.csv", b"", "empty"),
        ("주문.csv", b"\xff\xfe\xfa\xff,\xff\xff\n", "encoding|none of|no download"),
        ("주문.xls", b"<?xml version='1.0'?><Workbook/>", "this is XML"),
    ):
        path = mall.raw(name, data)
        with pytest.raises(BadInput, match=match):
            mall.land()
        path.unlink()


# -- size ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["csv", pytest.param("xlsx", marks=pytest.mark.slow), pytest.param("html", marks=pytest.mark.slow)]
)
def test_fifty_thousand_lines_land_whole(mall, kind: str) -> None:
    header = [*HEADER, *(f"주문서추가항목{i:02}" for i in range(10)), "수령인 주소(전체)"]
    rows = [
        line(주문번호=f"20261101-{i // 2:07}", 품목별_주문번호=f"20261101-{i // 2:07}-{i % 2 + 1:02}",
             주문자ID=f"user{i // 2 % 9000}") + [f"답변 {i}"] * 10 + ["서울특별시 강남구"]
        for i in range(50_000)
    ]  # fmt: skip
    path = mall.folder / f"주문.{'xls' if kind == 'html' else kind}"
    if kind == "xlsx":
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("주문")
        for row in [header, *rows]:
            sheet.append(row)
        book.save(path)
    elif kind == "csv":
        path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]), encoding="cp949")
    else:
        body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in [header, *rows])
        path.write_text(f"<table>{body}</table>", encoding="utf-8")
    report = mall.land()
    assert report.landed["order_items"].rows == 50_000 and report.quarantined == 0
