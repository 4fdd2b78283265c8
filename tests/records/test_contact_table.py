"""Contact fields of a mall that opted in: sealed, the owner's alone, and gone when they are to go."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from cafe24_pipelines.cafe24.contacts import ContactTable
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Home, Settings


@pytest.fixture
def table(tmp_path) -> ContactTable:
    return ContactTable(Settings(home=Home(tmp_path), encryption_key="secret"), "shop")


PERSON = {"member_id": "a1234", "name": "이도윤", "cellphone": "010-7777-8888"}


def test_no_mall_keeps_contacts_unless_it_opted_in() -> None:
    assert Mall("shop").keep_contacts is False


def test_fields_come_back_and_nothing_is_created_by_asking(table) -> None:
    assert (table.get("k1"), table.count(), table.forget("k1"), table.path.exists()) == (None, 0, 0, False)
    assert table.put_many({"k1": PERSON, "k2": {"member_id": "b"}}) == 2 == table.count()
    assert table.get("k1") == PERSON and table.get_many(["k1", "k3", "k1"]) == {"k1": PERSON}
    assert table.put_many({"k1": {"member_id": "a1234"}}) == 0, "fields that are not given stay"
    assert table.put_many({"k1": {"cellphone": "010-1"}}) == 1
    assert table.get("k1") == {**PERSON, "cellphone": "010-1"}


def test_the_file_is_sealed_and_the_owners_alone(table, tmp_path) -> None:
    table.put_many({f"k{n}": PERSON for n in range(1200)})
    raw = b"".join(p.read_bytes() for p in table.path.parent.iterdir())
    assert (
        stat.S_IMODE(table.path.stat().st_mode) == 0o600 and len(table.get_many(f"k{n}" for n in range(2000))) == 1200
    )
    assert not any(v.encode() in raw for v in PERSON.values())
    with pytest.raises(ConfigError, match="can't be opened"):
        ContactTable(Settings(home=Home(tmp_path), encryption_key="other"), "shop").get("k1")


def test_who_is_forgotten_is_overwritten(table) -> None:
    first, second, third = (f"member-key-{n}" for n in range(3))
    table.put_many({first: PERSON, second: PERSON, third: PERSON})
    sealed = table.path.read_bytes()
    begin = sealed.index(b"gAAAA", sealed.index(first.encode()))
    token = sealed[begin : begin + 80]
    assert table.forget([first, third, "unknown"]) == 2 and table.count() == 1
    after = table.path.read_bytes()
    assert first.encode() not in after and token not in after and second.encode() in after


def test_many_threads_write_at_once(table) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: table.put_many({f"k{n}": PERSON, "shared": {f"f{n}": n}}), range(40)))
    assert table.count() == 41 and table.get("shared") == {f"f{n}": n for n in range(40)}
