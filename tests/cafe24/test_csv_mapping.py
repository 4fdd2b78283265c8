"""The mapping file: what it may say, and a clear error for everything else."""

import pytest

from cafe24_pipelines.cafe24.csv_import.mapping import load_mapping
from cafe24_pipelines.cafe24.csv_import.values import Readers, Refused, money, whole
from cafe24_pipelines.errors import BadInput


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tiem_zone: Asia/Seoul", "'tiem_zone' is unknown — did you mean 'time_zone'"),
        ("time_zone: Asia/Seul", "time_zone 'Asia/Seul' is unknown"),
        ("time_zone: ../etc/passwd", "is unknown"),
        ("currency: WON", "'WON' is not a currency code"),
        ("currency: krw", "'krw' is not a currency code"),
        ("encoding: klingon", "encoding 'klingon' is unknown"),
        ("delimiter: xx", "delimiter 'xx' is not supported"),
        ("files: {order: {}}", "the key 'order' is unknown — did you mean 'orders'"),
        ("files: {orders: {columns: {orderid: x}}}", "orders.columns: the key 'orderid' is unknown"),
        ("files: {orders: {columns: {status: a}, constants: {status: paid}}}", "status is a column and a constant"),
        ("status: {done: finished}", "'done' is mapped to 'finished' — use one of: unpaid"),
        ("event: {look: seen}", "'look' is mapped to 'seen' — use one of: view"),
        ("flat: {order_id_prefix_status: {C: void}}", "'C' is mapped to 'void'"),
        ("flat: {}\nfiles: {orders: {}}", "a flat file and also orders"),
        ("time_zone: [a, b]", "time_zone is not a single value"),
        ("- a\n- b", "is not a section"),
        ("a: [", "not YAML"),
    ],
)
def test_a_mapping_that_can_not_be_followed(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(BadInput) as e:
        load_mapping(path)
    assert message in str(e.value) and str(path) in str(e.value)


def test_a_mapping_that_is_not_there(tmp_path) -> None:
    with pytest.raises(BadInput, match=r"mapping file does not exist.*--mapping"):
        load_mapping(tmp_path / "none.yaml")


def test_no_mapping_and_an_empty_one_are_the_defaults(tmp_path) -> None:
    (tmp_path / "m.yaml").write_text("# nothing yet\n")
    for found in (load_mapping(None), load_mapping(tmp_path / "m.yaml")):
        assert (found.time_zone, found.currency, found.flat, dict(found.files)) == ("Asia/Seoul", "KRW", None, {})


def test_words_that_yaml_would_turn_into_booleans_stay_words(tmp_path) -> None:
    (tmp_path / "m.yaml").write_text("status: {Y: paid, N: unpaid, no: cancelled, 10: shipping}")
    readers = Readers(load_mapping(tmp_path / "m.yaml"))
    assert [readers.status(w) for w in ("Y", "n", "NO", "10")] == ["paid", "unpaid", "cancelled", "shipping"]


def test_the_words_every_shop_uses_are_known() -> None:
    readers = Readers(load_mapping(None))
    words = [
        "입금전",
        "결제완료",
        "배송중",
        "배송완료",
        "구매확정",
        "취소",
        "반품",
        "교환",
        "Canceled",
        "N00",
        "N30",
        "C40",
        "R40",
        "E40",
    ]
    assert [readers.status(w) for w in words] == [
        "unpaid", "paid", "shipping", "delivered", "confirmed", "cancelled", "returned", "exchanged", "cancelled",
        "unpaid", "shipping", "cancelled", "returned", "exchanged",
    ]  # fmt: skip


def test_a_mapping_names_files_columns_constants_and_formats(shop) -> None:
    (shop.folder / "orders.csv").unlink()
    shop.write(
        "매출.tsv",
        "id\twhen\ttotal\tst",
        "O1\t01/03/2024 10:00\t₩30,000\t발송",
        "O2\t02/03/2024 09:30\t5,000원\t발송",
    )
    shop.write("order_items.csv", "order_id\tproduct_no\tquantity\tunit_price", "O1\tP1\t1,000\t30")
    shop.map(
        "delimiter: tab\ntime_format: '%d/%m/%Y %H:%M'\ntime_zone: UTC\nstatus: {발송: shipping}\nfiles:\n  orders:\n"
        "    file: 매출.tsv\n    columns: {order_id: id, ordered_at: when, paid_amount: total, status: st}\n"
        "    constants: {member_id: ''}\n"
    )
    assert shop.land().quarantined == 0
    first = shop.lake.read("orders").to_pylist()[0]
    assert (first["ordered_at"].isoformat(), first["paid_amount"], first["status"], first["member_key"]) == (
        "2024-03-01T10:00:00+00:00", 30000, "shipping", None,
    )  # fmt: skip
    assert shop.lake.read("order_items")["amount"].to_pylist() == [30000]


@pytest.mark.parametrize("text", ["1,23", "1_000", "٣", "--1", "1 2", "0x10", "Infinity", "", "."])
def test_what_is_no_number(text: str) -> None:
    for read in (money, whole):
        with pytest.raises(Refused):
            read(text)
