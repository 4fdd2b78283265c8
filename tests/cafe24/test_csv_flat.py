"""One flat file split into orders and lines: sums, statuses, members, clock changes, and any file whatever."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cafe24_pipelines.cafe24.csv_import.files import Text
from cafe24_pipelines.cafe24.csv_import.records import split_records


def test_an_order_is_its_lines(flat) -> None:
    shop = flat(
        "1,A,cup,2,2024-03-01 10:05,0.001,m1", "1,B,dish,1,2024-03-01 10:04,2.50,", "C2,A,cup,-2,2024-03-02,0.001,m1",
        "3,A,free,5,2024-03-03,0,",
    )  # fmt: skip
    report = shop.land()
    one, three, cancelled = shop.lake.read("orders").to_pylist()
    assert (one["order_id"], one["paid_amount"], one["status"]) == ("1", Decimal("2.502"), "confirmed")
    assert one["ordered_at"] == datetime(2024, 3, 1, 10, 4, tzinfo=UTC)  # the earliest line
    assert one["member_key"] == cancelled["member_key"] != three["member_key"] is None
    assert (cancelled["paid_amount"], cancelled["status"]) == (Decimal("-0.002"), "cancelled")
    assert (three["paid_amount"], one["currency"]) == (0, "GBP")
    figures = {f.name: f.read for f in report.reconciliation.figures}
    assert figures["invoices"] == 3 and figures["known customers"] == 1
    assert figures["guest lines"] == 2 and figures["cancellation lines"] == 1
    assert figures["amount"] == Decimal("2.5000")
    assert report.reconciliation.balanced


def test_landed_and_quarantined_sums_make_the_total(flat) -> None:
    shop = flat("1,A,cup,3,2024-03-01,0.10,m1", "1,A,cup,1,2024-03-01,-0.25,m1", "2,A,debt,1,2024-03-02,-9.99,m1",
                "3,A,cup,x,2024-03-02,1,m1", '4,A,"cup,1,2024-03-02,1,m1')  # fmt: skip
    reconciliation = shop.land().reconciliation
    amount = reconciliation.figure("amount")
    assert (amount.read, amount.landed, amount.quarantined) == (Decimal("-9.94"), Decimal("0.3"), Decimal("-10.24"))
    assert reconciliation.figure("lines without a readable amount").read == 1
    held = [q["amount"] for q in shop.quarantine()]
    assert sum(a for a in held if a is not None) == amount.quarantined and held.count(None) == 2
    orders = shop.lake.read("orders").to_pylist()
    assert [(o["order_id"], o["paid_amount"]) for o in orders] == [("1", Decimal("0.3"))]
    assert reconciliation.to_json()["figures"]["amount"]["read"] == "-9.9400"


def test_a_line_of_another_member_is_refused(flat) -> None:
    shop = flat("1,A,cup,1,2024-03-01,1,", "1,B,cup,1,2024-03-01,1,m1", "1,C,cup,1,2024-03-01,1,m2")
    report = shop.land()
    assert [(q["source_line"], q["field"]) for q in shop.quarantine()] == [(4, "member_id")]
    assert shop.lake.read("order_items").num_rows == 2
    assert shop.lake.read("orders")["member_key"].null_count == 0 and report.reconciliation.balanced


def test_an_order_is_as_far_as_its_least_advanced_line(flat) -> None:
    shop = flat()
    shop.write("lines.csv", "no,sku,name,qty,at,price,who,st",
               "1,A,x,1,2024-03-01,1,,N40", "1,B,x,1,2024-03-01,1,,R40",
               "2,A,x,1,2024-03-01,1,,C40", "2,B,x,1,2024-03-01,1,,R40", "3,A,x,1,2024-03-01,1,,E40")  # fmt: skip
    shop.map("flat: {columns: {order_id: no, product_no: sku, quantity: qty, ordered_at: at, unit_price: price,"
             " member_id: who, status: st}}")  # fmt: skip
    shop.land()
    assert shop.lake.read("orders")["status"].to_pylist() == ["delivered", "returned", "exchanged"]
    assert shop.lake.read("order_items")["status"].to_pylist() == [
        "delivered", "returned", "cancelled", "returned", "exchanged",
    ]  # fmt: skip


def test_clock_changes_are_read_one_way_and_counted(flat) -> None:
    shop = flat(
        "1,A,x,1,2011-03-27 01:30:00,1,",  # skipped: clocks went from 01:00 to 02:00
        "2,A,x,1,2011-10-30 01:30:00,1,",  # happened twice
        "2,B,x,1,2011-10-30 01:30:00,1,",
        "3,A,x,1,2011-07-01 12:00:00,1,",
        "4,A,x,1,2011-10-30T01:30:00+00:00,1,",  # says itself which one
    )
    notes = shop.land().reconciliation.files[0].notes
    at = [t.isoformat() for t in shop.lake.read("orders")["ordered_at"].to_pylist()]
    assert at == ["2011-03-27T01:30:00+00:00", "2011-10-30T00:30:00+00:00", "2011-07-01T11:00:00+00:00",
                  "2011-10-30T01:30:00+00:00"]  # fmt: skip
    assert "2 local times are ambiguous because clocks changed; the first of the two was taken" in notes
    assert any(n.startswith("1 local times are non-existent") for n in notes)


def test_a_single_file_may_be_the_path(flat) -> None:
    shop = flat("1,A,cup,1,2024-03-01,1,m1")
    shop.folder = shop.folder / "lines.csv"
    assert shop.land().landed["orders"].rows == 1


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)), max_size=8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=5, max_size=5), min_size=1, max_size=8))
def test_what_a_csv_writer_writes_is_split_as_it_was_written(rows: list[list[str]]) -> None:
    """Legal CSV with any text: every record is found, where it begins and ends."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["a", "b", "c", "d", "e"], *rows])
    text = out.getvalue()
    found = split_records(Text("x.csv", text.encode(), "utf-8"))
    if any(_looks_whole(line) for row in rows for cell in row for line in cell.split("\n")[1:]):
        return  # a cell line that is a record by itself is the documented exception
    data = text.encode()
    records = [data[a:b].decode() for a, b in zip(found.starts, found.ends, strict=True)]
    assert [next(csv.reader(r.splitlines(True) if "\n" in r else [r])) for r in records if _simple(r)] == [
        row for row, r in zip(rows, records, strict=True) if _simple(r)
    ]
    assert not found.bad


def _looks_whole(line: str) -> bool:
    return line.count(",") >= 3


def _simple(record: str) -> bool:
    """Whether Python's own line splitting agrees with ours about what a line is."""
    return record.count("\n") == len(record.splitlines()) - 1


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab,"\n ', max_size=80))
def test_every_physical_line_is_accounted_for(body: str) -> None:
    """Any garbage: lines are records, continuations, blank or bad, and the sum is exact."""
    found = split_records(Text("x.csv", ("a,b,c\n" + body).encode(), "utf-8"))
    assert found.physical == 1 + found.blank + found.continuations + len(found.lines) + len(found.bad)
    assert list(found.lines) == sorted(set(found.lines))


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_the_last_line_needs_no_end(end: str) -> None:
    found = split_records(Text("x.csv", ("a,b\n1,2\n3,4" + end).encode(), "utf-8"))
    assert found.lines.tolist() == [2, 3] and found.blank == max(len(end) - 1, 0)
