"""The sandbox shop, made once, and landed in a real lake."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from cafe24_pipelines.cafe24.landing import land_shop
from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.sandbox.generator import sandbox_tables
from cafe24_pipelines.settings import Home, Settings
from cafe24_pipelines.stores.lake import MallLake

DEFAULT_SEED = Settings.sandbox_seed


@pytest.fixture(scope="session")
def raw_shop() -> dict[str, pa.Table]:
    return sandbox_tables(seed=DEFAULT_SEED)


@pytest.fixture(scope="session")
def land_seed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], MallLake]:
    """The lake of any seed at default size; each is made once."""
    lakes: dict[int, MallLake] = {}

    def of(seed: int) -> MallLake:
        if seed not in lakes:
            root = tmp_path_factory.mktemp(f"seed{seed}")
            lakes[seed] = MallLake(root / "lake", SANDBOX_MALL)
            land_shop(Mall(SANDBOX_MALL), lakes[seed], Settings(home=Home(root), sandbox_seed=seed))
        return lakes[seed]

    return of


@pytest.fixture(scope="session")
def sandbox_lake(land_seed: Callable[[int], MallLake]) -> MallLake:
    return land_seed(DEFAULT_SEED)
