"""The pseudonyms, the masks, and the registry of malls."""

import json
import stat
import subprocess
import sys

import pytest

from cafe24_pipelines.cafe24.malls import Mall, known_malls, mall, register
from cafe24_pipelines.cafe24.privacy import mask_text, pseudonyms
from cafe24_pipelines.errors import BadInput, ConfigError
from cafe24_pipelines.settings import Home, Settings


@pytest.fixture
def local(tmp_path) -> Settings:
    return Settings(home=Home(tmp_path))


def test_a_hash_is_stable_keyed_and_per_mall(local) -> None:
    first = pseudonyms(local, "shop-a").of("kim01")
    assert first == pseudonyms(local, "shop-a").of(" kim01 ")
    assert first != pseudonyms(local, "shop-b").of("kim01")
    assert first is not None and len(first) == 32 and "kim01" not in first
    assert pseudonyms(local, "shop-a").of_all([None, "", "  "]) == [None, None, None]


def test_machines_with_the_same_key_agree_and_others_do_not(tmp_path) -> None:
    def key(secret: str, folder: str) -> str | None:
        return pseudonyms(Settings(home=Home(tmp_path / folder), encryption_key=secret), "shop").of("kim01")

    assert key("secret", "a") == key("secret", "b") != key("other", "a")
    assert key("", "a") != key("", "b")


def test_the_local_key_is_the_owners_alone_and_a_damaged_one_is_told(local) -> None:
    pseudonyms(local, "shop")
    path = local.home.keys / "shop.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("beef")
    with pytest.raises(ConfigError, match="pseudonym key is damaged"):
        pseudonyms(local, "shop")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("메일 a.b+c@shop.co.kr 로", "메일 [이메일] 로"),
        ("010-1234-5678", "[전화번호]"),
        ("01012345678 번", "[전화번호] 번"),
        ("+82 10 1234 5678", "[전화번호]"),
        ("02-123-4567", "[전화번호]"),
        ("900101-1234567", "[주민번호]"),
        ("주문 20240301 3개 12,000원", "주문 20240301 3개 12,000원"),
    ],
)
def test_free_text_loses_what_is_personal_and_keeps_the_rest(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_a_mall_is_registered_once_and_found_again(tmp_path) -> None:
    home = Home(tmp_path)
    assert set(known_malls(home)) == {"sandbox"}
    new = Mall("shop", "csv", "/data", "", "Europe/London", "GBP")
    register(home, new)
    written = (tmp_path / "malls.json").read_bytes()
    register(home, new)
    assert mall(home, "shop") == new and (tmp_path / "malls.json").read_bytes() == written
    assert json.loads(written)["malls"][0]["mall_id"] == "sandbox"


def test_unknown_malls_bad_names_and_a_damaged_registry_are_told(tmp_path) -> None:
    home = Home(tmp_path)
    with pytest.raises(ConfigError, match=r"'nope' is unknown.*known: sandbox"):
        mall(home, "nope")
    for name in ("", "../x", "Shop", "a" * 40):
        with pytest.raises(BadInput, match="is not valid"):
            register(home, Mall(name))
    (tmp_path / "malls.json").write_text("{")
    with pytest.raises(ConfigError, match="registry can't be read"):
        known_malls(home)


RACER = """
import sys
from cafe24_pipelines.cafe24.privacy import pseudonyms
from cafe24_pipelines.settings import Home, Settings
from pathlib import Path
settings = Settings(home=Home(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
print(pseudonyms(settings, "shop").of("kim01"))
"""


def test_processes_that_start_together_end_with_one_key(tmp_path) -> None:
    for attempt in range(3):
        home = tmp_path / f"home-{attempt}"
        command = [sys.executable, "-c", RACER, str(home)]
        racers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)
        ]
        for racer in racers:
            assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        hashes = {racer.communicate(timeout=60)[0].strip() for racer in racers}
        assert hashes == {pseudonyms(Settings(home=Home(home)), "shop").of("kim01")}
        assert [p.name for p in (home / "keys").iterdir()] == ["shop.key"], "and nothing is left beside it"
