"""A shop folder written line by line, landed for real into a lake under tmp_path."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cafe24_pipelines.cafe24.landing import LandingReport, land_shop
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.settings import Home, Settings
from cafe24_pipelines.stores.lake import Lake, MallLake

ORDERS = "order_id,member_id,ordered_at,paid_amount,status"
ITEMS = "order_id,product_no,product_name,category,quantity,unit_price"


class Shop:
    """One mall's CSV folder, its mapping, and the lake it lands in."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "shop"
        self.folder.mkdir()
        self.settings = Settings(home=Home(root / "home"), encryption_key="a key for tests")
        self.lake: MallLake = Lake(self.settings.home.lake).mall("myshop")
        self.mapping = ""

    def write(self, name: str, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
        return self.raw(name, (end.join(lines) + end).encode(encoding))

    def raw(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def orders(self, *lines: str) -> None:
        self.write("orders.csv", ORDERS, *lines)

    def items(self, *lines: str) -> None:
        self.write("order_items.csv", ITEMS, *lines)

    def map(self, text: str) -> None:
        path = self.folder.parent / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        self.mapping = str(path)

    def land(self, mall_id: str = "myshop", **kw: object) -> LandingReport:
        return land_shop(Mall(mall_id, "csv", str(self.folder), self.mapping), self.lake, self.settings, **kw)  # type: ignore[arg-type]

    def quarantine(self) -> list[dict]:
        return self.lake.quarantined().to_pylist()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A folder with two orders (one of a guest) and three lines."""
    new = Shop(tmp_path)
    new.orders("O1,kim01,2024-03-01T10:00:00,30000,결제완료", "O2,,2024-03-02 09:30,5000,N40")
    new.items("O1,P1,머그컵,주방,2,10000", "O1,P2,접시,주방,1,10000", "O2,P1,머그컵,주방,1,5000")
    return new


@pytest.fixture
def flat(tmp_path: Path) -> Callable[..., Shop]:
    """Makes a shop whose one file `lines.csv` holds order lines."""

    def make(*lines: str, zone: str = "Europe/London", extra: str = "") -> Shop:
        new = Shop(tmp_path)
        new.write("lines.csv", "no,sku,name,qty,at,price,who", *lines)
        new.map(
            f"time_zone: {zone}\ncurrency: GBP\nflat:\n"
            "  columns: {order_id: no, product_no: sku, product_name: name, quantity: qty, ordered_at: at,"
            " unit_price: price, member_id: who}\n"
            "  constants: {status: confirmed}\n  order_id_prefix_status: {C: cancelled}\n" + extra
        )
        return new

    return make
