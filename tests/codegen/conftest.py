"""A home with a part of the documentation published, and one warm isolation, for every test of code generation."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cafe24_pipelines import parts
from cafe24_pipelines.codegen.isolation import Isolation, NotIsolated, isolation_of
from cafe24_pipelines.knowledge.documents import documents_table, load_documents
from cafe24_pipelines.knowledge.index import publish_documents
from cafe24_pipelines.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))  # the folder's own helpers; tests are no package
sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))

RESOURCES = ("orders", "products", "products-carts", "customergroups", "customergroups-customers", "carriers")


@pytest.fixture(scope="session")
def codegen_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home with published documents and nothing else; tests add events alone."""
    settings = Settings.from_env({}, home=tmp_path_factory.mktemp("codegen") / "home")
    lake, vectors = parts.mall_lake(settings, "sandbox"), parts.vector_store(settings)
    documents = [d for d in load_documents("") if d.kind == "endpoint" and d.resource in RESOURCES]
    lake.land("documents", documents_table(documents), snapshot=True)
    publish_documents(lake, vectors, parts.encoder_store(settings))
    vectors.close()
    return settings


@pytest.fixture(scope="session")
def isolation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isolation]:
    """A warm isolation; tests that need one are skipped where the system refuses namespaces."""
    found = isolation_of(Settings.from_env({}, home=tmp_path_factory.mktemp("cells")))
    try:
        found.run("print(1)")
    except NotIsolated as e:
        if os.environ.get("CAFE24_REQUIRE_NAMESPACES"):
            raise
        pytest.skip(f"this system can't lock a snippet in: {e}; allow unprivileged user namespaces")
    yield found
    found.close()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file of the host with a secret in it."""
    path = tmp_path / "secret.txt"
    path.write_text("host-secret")
    return path
