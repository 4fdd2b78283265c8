"""Settings: defaults, overrides, and values that make no sense."""

from pathlib import Path

import pytest

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.settings import Home, Settings


def test_the_default_is_the_embedded_profile_with_no_server_and_no_key():
    settings = Settings.from_env({})
    assert (settings.profile, settings.graph, settings.vectors) == ("embedded", "embedded", "embedded")
    assert settings.llm_model == "local/extractive" and settings.mall_id == "sandbox"
    assert settings.home.root == Path(".cafe24").resolve()
    assert settings.neo4j_uri == settings.llm_api_key == settings.tokenizer_file == ""


def test_the_server_profile_picks_servers_and_one_part_can_be_overridden():
    server = Settings.from_env({"CAFE24_PROFILE": "server"})
    assert (server.graph, server.vectors) == ("neo4j", "qdrant")
    mixed = Settings.from_env({"CAFE24_PROFILE": "server", "CAFE24_VECTORS": "embedded"})
    assert (mixed.graph, mixed.vectors) == ("neo4j", "embedded")


def test_an_argument_beats_the_variable_and_a_blank_variable_is_unset(tmp_path):
    env = {"CAFE24_HOME": str(tmp_path / "env"), "CAFE24_PROFILE": "", "LLM_MODEL": "", "CAFE24_MALL_ID": ""}
    assert Settings.from_env(env).home.root == tmp_path / "env"
    assert Settings.from_env(env, home=tmp_path / "flag").home.root == tmp_path / "flag"
    assert Settings.from_env(env) == Settings.from_env({"CAFE24_HOME": str(tmp_path / "env")})


def test_the_home_may_be_written_with_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings.from_env({"CAFE24_HOME": "~/shop"}).home.root == tmp_path / "shop"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAFE24_PROFILE", "cloud"), ("CAFE24_GRAPH", "kuzu"), ("CAFE24_VECTORS", "faiss"),
        ("CAFE24_SANDBOX_CUSTOMERS", "many"), ("CAFE24_SANDBOX_CUSTOMERS", "-5"), ("CAFE24_SANDBOX_SEED", "1.5"),
        ("CAFE24_SANDBOX_SEED", "²"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_named_with_a_remedy(name, value):
    with pytest.raises(ConfigError, match=name) as caught:
        Settings.from_env({name: value})
    assert value in str(caught.value) and caught.value.remedy


def test_the_process_environment_is_read_when_asked_not_at_import(monkeypatch):
    monkeypatch.setenv("CAFE24_MALL_ID", "later")
    assert Settings.from_env().mall_id == "later"


def test_secrets_do_not_show_when_settings_are_printed():
    names = ("CAFE24_ENCRYPTION_KEY", "NEO4J_PASSWORD", "QDRANT_API_KEY", "LLM_API_KEY")
    assert "s3cret" not in repr(Settings.from_env(dict.fromkeys(names, "s3cret")))


def test_home_names_every_part_below_its_root(tmp_path):
    home = Home(tmp_path)
    parts = ["lake", "events", "graph", "vectors", "analytics", "patterns", "answers", "datasets", "keys", "dagster"]
    folders = [getattr(home, part) for part in [*parts, "writer_lock"]]
    assert len(set(folders)) == len(folders)
    assert all(f.is_relative_to(tmp_path) for f in folders) and not list(tmp_path.iterdir())


def test_extra_scopes_are_read_by_short_and_full_names() -> None:
    given = {"CAFE24_EXTRA_SCOPES": "privacy, write_customer,mall.read_mileage"}
    assert Settings.from_env(given).extra_scopes == ("mall.read_privacy", "mall.write_customer", "mall.read_mileage")
    with pytest.raises(ConfigError, match="CAFE24_EXTRA_SCOPES"):
        Settings.from_env({"CAFE24_EXTRA_SCOPES": "privacy;order"})


@pytest.mark.parametrize("url", ["http://mall.example.com", "ftp://x", "mall.example.com"])
def test_tokens_travel_over_https_or_stay_on_this_machine(url: str) -> None:
    with pytest.raises(ConfigError, match="CAFE24_API_URL"):
        Settings.from_env({"CAFE24_API_URL": url})
    assert Settings.from_env({"CAFE24_API_URL": "http://127.0.0.1:8024/{mall_id}/"}).api_is_local
