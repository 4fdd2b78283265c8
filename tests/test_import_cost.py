"""Loading the code location costs little more than `import dagster`: heavy libraries wait until they are used."""

import subprocess
import sys

import pytest

HEAVY = {
    "pandas", "numpy", "pyarrow", "duckdb", "sklearn", "scipy", "litellm", "openai", "great_expectations",
    "qdrant_client", "qdrant_edge", "neo4j", "ladybug", "kiwipiepy", "together", "bs4", "lxml", "httpx", "docker",
    "fastapi", "starlette", "uvicorn", "mcp", "prometheus_client", "limits",
}  # fmt: skip


@pytest.mark.parametrize("module", ["cafe24_pipelines.definitions", "cafe24_pipelines.cli"])
def test_heavy_modules_are_not_imported(module: str) -> None:
    code = f"import {module}, sys, json; print(json.dumps(sorted(set(sys.modules))))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(__import__("json").loads(done.stdout))
    by_dagster = _modules_of("dagster") if module.endswith("definitions") else set()
    assert not (HEAVY & loaded) - by_dagster
    assert not {name for name in loaded if name.startswith("cafe24_pipelines.serving")}


def test_the_cli_does_not_import_dagster_until_it_runs_the_chain() -> None:
    assert "dagster" not in _modules_of("cafe24_pipelines.cli")


def _modules_of(module: str) -> set[str]:
    code = f"import {module}, sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return set(__import__("json").loads(done.stdout))
