"""Which resource is walked how, shop by shop. Does not belong here: order, failures, the report (see `engine.py`)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from cafe24_pipelines.cafe24.sync.dated import DatedWalk
from cafe24_pipelines.cafe24.sync.issues import IssueWalk
from cafe24_pipelines.cafe24.sync.ledgers import DayWalk, PointWalk
from cafe24_pipelines.cafe24.sync.lists import Parent, ParentWalk, numbered, sync_list
from cafe24_pipelines.cafe24.sync.members import MemberWalk
from cafe24_pipelines.cafe24.sync.orders import LATE_TYPES, OrderWalk, is_open
from cafe24_pipelines.cafe24.sync.reading import Listing
from cafe24_pipelines.cafe24.sync.rows import Rows
from cafe24_pipelines.cafe24.sync.run import Landing, Run
from cafe24_pipelines.cafe24.sync.shelf import SUMMED, ShelfWalk
from cafe24_pipelines.cafe24.sync.since import ProductWalk
from cafe24_pipelines.cafe24.sync.turns import sync_turns
from cafe24_pipelines.cafe24.sync.windows import YEAR_SPAN
from cafe24_pipelines.stores.digest import text_digest

DISPLAY_GROUPS: Final = (1, 2, 3)
_DAY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=31)


def dated_walks(run: Run, landing: Landing, shop_no: int) -> Iterator[DatedWalk]:
    """The walks over a resource by windows; nothing for resources that have none."""
    r, part = landing.resource, str(shop_no)
    if r.name == "orders":
        landing.remembers = True
        listing = Listing(r, shop_no, mark=is_open)
        yield OrderWalk(run, landing, listing, part=part, late_types=LATE_TYPES)
    elif r.name == "refunds":
        yield DatedWalk(run, landing, Listing(r, shop_no), part=part, late_types=("refund_date",))
    elif r.name == "points":
        yield PointWalk(run, landing, Listing(r, shop_no), part=part)
    elif r.name == "credits":
        yield DatedWalk(run, landing, Listing(r, shop_no), part=part)
    elif r.name == "articles":
        for board in run.parents("boards", shop_no):
            listing = Listing(r, shop_no, at={"board_no": board}, parent={"board_no": int(board)})
            prefix = f"{shop_no}/{board}/"
            yield DatedWalk(
                run, landing, listing, part=f"{shop_no}/{board}", span=YEAR_SPAN, prefix=prefix, drifts=True
            )
    elif r.analytics or r.approved:
        walk, days = (ShelfWalk, _DAY) if r.name in SUMMED else (DayWalk, _MONTH)
        yield walk(run, landing, Listing(r, shop_no), part=part, prefix=f"{shop_no}/", by_day=days)


def sync_resource(run: Run, landing: Landing, shop_no: int) -> None:
    """Bring one resource of one shop up to date."""
    name = landing.resource.name
    if landing.resource.turns:
        sync_turns(run, landing, shop_no)
        return
    special: dict[str, Callable[[Run, Landing, int], None]] = {
        "customers_privacy": _members,
        "products": lambda *a: ProductWalk(a[0], a[1], Listing(a[1].resource, a[2], cursor="product_no")).sync(),
        "coupon_issues": lambda *a: IssueWalk(a[0], a[1], Listing(a[1].resource, a[2])).sync(),
        "category_products": _category_products,
        "carts": _carts,
        "wish_lists": _wish_lists,
        "inventories": _inventories,
    }
    if name in special:
        special[name](run, landing, shop_no)
        return
    walks = list(dated_walks(run, landing, shop_no))
    for walk in walks:
        walk.sync()
    if name == "articles":
        _drop_orphans(run, landing, shop_no, {walk.prefix for walk in walks})
    elif not walks:
        prefix = f"{shop_no}/" if landing.resource.key[0] == "shop_no" and len(landing.resource.key) > 1 else ""
        sync_list(run, landing, Listing(landing.resource, shop_no), part=str(shop_no), prefix=prefix)


def sync_shops(run: Run, landing: Landing) -> list[int]:
    """Land the shops of the mall; returns their numbers."""
    sync_list(run, landing, Listing(landing.resource, None), part="all")
    return shops_landed(run)


def shops_landed(run: Run) -> list[int]:
    """The numbers of the shops that the mall told of; shop 1 alone before it did."""
    return sorted(int(key.split("/")[0]) for key in run.lake.of("shops").known()) or [1]


def _members(run: Run, landing: Landing, shop_no: int) -> None:
    prefix = f"{shop_no}/" if landing.resource.key[0] == "shop_no" else ""
    MemberWalk(run, landing, Listing(landing.resource, shop_no, cursor="created_date",
                                     params={"search_type": "created_date"}), prefix=prefix).sync()  # fmt: skip


def _category_products(run: Run, landing: Landing, shop_no: int) -> None:
    parents: list[Parent] = []
    for group in DISPLAY_GROUPS:
        numbers = run.parents("categories", shop_no)
        parents += numbered(landing.resource, shop_no, numbers, "category_no", display_group=group)
    ParentWalk(run, landing, parents, part=str(shop_no), depth=3).sync()


def _carts(run: Run, landing: Landing, shop_no: int) -> None:
    parents = numbered(landing.resource, shop_no, run.parents("products", shop_no), "product_no")
    ParentWalk(run, landing, parents, part=str(shop_no), budget=run.tuning.carts, what="carts by product").sync()


def _wish_lists(run: Run, landing: Landing, shop_no: int) -> None:
    """Members whose raw id this run has met; all of them when it walked over all members."""
    book = run.members
    if book is None:
        return
    known = {name: run.lake.of(name).known() for name in ("customers_privacy", "customers")}
    held = known["customers_privacy"] | known["customers"]
    parents = [
        Parent(
            key,
            Listing(landing.resource, shop_no, at={"member_id": raw}, parent={"member_id": raw}),
            f"{shop_no}/{key}",
            filed=_filed(key),
        )
        for key, raw in book.raw.items()
        if key in held
    ]
    ParentWalk(
        run, landing, parents, part=str(shop_no), budget=run.tuning.wish_lists, what="wish lists by member",
        complete=False, total=len(held),
    ).sync()  # fmt: skip
    landed = landing.store.known(prefix=f"{shop_no}/")
    there = set(held)
    if not known["customers_privacy"]:  # members were looked up at most: who is not among them need not have left
        there |= {k.split("/")[1] for k in landed} - set(run.lake.of("customers").state().get("absent", []))
    gone = {k for k in landed if k.split("/")[1] not in there}
    labels = {f"{shop_no} {_filed(key)}" for key in there}
    stale = [label for label in landing.labels() if label.startswith(f"{shop_no} member-") and label not in labels]
    if gone or stale:
        landing.land(Rows(), label=f"{shop_no} members left", deleted=gone, stale=stale)


def _filed(member_key: str) -> str:
    """Under what rows of a member's list are in quarantine: the label outlives the member, so it is not the key."""
    return f"member-{text_digest('wish list', member_key)[:16]}"


def _inventories(run: Run, landing: Landing, shop_no: int) -> None:
    parents = []
    for product in run.lake.of("products").scan():
        if product.get("shop_no", 1) != shop_no:
            continue
        for variant in product.get("variants") or []:
            at = {"product_no": product["product_no"], "variant_code": variant["variant_code"]}
            listing = Listing(landing.resource, shop_no, at=at, parent=at)
            parents.append(Parent(str(variant["variant_code"]), listing, f"{shop_no}/{variant['variant_code']}"))
    ParentWalk(run, landing, parents, part=str(shop_no)).sync()


def _drop_orphans(run: Run, landing: Landing, shop_no: int, prefixes: set[str]) -> None:
    """Remove articles of boards that are no longer there."""
    held = landing.store.known(prefix=f"{shop_no}/")
    gone = [key for key in held if "/".join(key.split("/")[:2]) + "/" not in prefixes]
    if gone:
        landing.land(Rows(), label=f"{shop_no} boards removed", deleted=gone)
