"""A mall's rows in shared state on a real PostgreSQL: seen as long as one is left, and removed, its alone."""

from pathlib import Path

from sqlalchemy import text

from cafe24_pipelines.lifecycle.rows import any_rows, remove_rows
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import shared_state
from tests.admin_api.postgres_server import local_postgres


def test_rows_on_a_server_are_seen_and_go_and_another_malls_stay(tmp_path: Path) -> None:
    with local_postgres() as url:
        settings = Settings.from_env({"CAFE24_STATE_URL": url}, home=tmp_path / "home")
        state = shared_state(settings)
        with state.transaction() as connection:
            connection.execute(text("CREATE TABLE plan_usage (mall_id TEXT, used BIGINT)"))
            connection.execute(text("CREATE TABLE call_pace (api TEXT)"))  # of no mall
            connection.execute(text("INSERT INTO plan_usage VALUES ('leaver', 1), ('leaver', 2), ('stayer', 3)"))
        assert any_rows(settings, "leaver") and not any_rows(settings, "nobody")
        assert remove_rows(settings, "leaver") == {"shared state: plan_usage": 2}
        assert not any_rows(settings, "leaver") and any_rows(settings, "stayer")
        state.close()
