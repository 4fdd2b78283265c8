"""The files a deployment starts from agree with each other and with the code."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def _names_in_env_example() -> set[str]:
    return set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), flags=re.M))


def test_every_variable_the_code_reads_is_in_the_example() -> None:
    read = set()
    for file in (ROOT / "cafe24_pipelines").rglob("*.py"):
        text = file.read_text()
        read |= set(
            re.findall(
                r"""(?:environ\.get\(|environ\[|e\.get\(|_(?:choice|number|http_url)\(e, |envvar=)["']([A-Z0-9_]+)""",
                text,
            )
        )
    read -= {"CAFE24_ACCESS_TOKEN"}  # generated snippets read it, on whatever machine they run
    ours = {n for n in read if not n.startswith(("DAGSTER_HOME", "LITELLM_LOCAL", "GX_"))}
    assert ours - _names_in_env_example() == set()
    assert len(ours) >= 15


def test_run_containers_get_what_the_code_location_gets() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    instance = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    given = set(compose["x-cafe24"]["environment"])
    passed_on = set(instance["run_launcher"]["config"]["env_vars"])
    assert given == passed_on


def test_the_launcher_uses_the_network_and_volume_that_compose_names() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    launcher = yaml.safe_load((ROOT / "dagster.yaml").read_text())["run_launcher"]["config"]
    assert compose["networks"][launcher["network"]]["name"] == launcher["network"]
    volume = launcher["container_kwargs"]["volumes"][0].split(":")[0]
    assert compose["volumes"][volume]["name"] == volume


def test_compose_variables_are_in_the_example() -> None:
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used - _names_in_env_example() == set()


def test_there_is_one_daemon_and_it_starts_runs_in_the_code_locations_image() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert [n for n, s in services.items() if "dagster-daemon" in s.get("command", [])] == ["daemon"]
    assert services["code-location"]["environment"]["DAGSTER_CURRENT_IMAGE"] == services["code-location"]["image"]


def test_the_instance_file_keeps_dagsters_own_schema(tmp_path: Path) -> None:
    # A private import, in this one place: Dagster has no public way to validate dagster.yaml without connecting.
    from dagster._config import validate_config
    from dagster._core.instance.config import dagster_instance_config_schema

    from cafe24_pipelines.instance import EMBEDDED_DAGSTER_YAML

    for text in ((ROOT / "dagster.yaml").read_text(), EMBEDDED_DAGSTER_YAML):
        result = validate_config(dagster_instance_config_schema(), yaml.safe_load(text))
        assert result.success, result.errors


@pytest.mark.parametrize("name", ["runtime.lock", "dev.lock"])
def test_locks_pin_by_hash_and_name_no_registry(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text and "index-url" not in text
    pins = re.findall(r"^([A-Za-z0-9._-]+)==[^\s]+", text, flags=re.M)
    blocks = re.split(r"^(?=[A-Za-z0-9._-]+==)", text, flags=re.M)[1:]
    assert len(pins) > 100 and all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"^litellm==1\.82\.[78]\b", text, flags=re.M), "these releases carried a credential stealer"


def test_no_file_names_this_machine_or_a_secret() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    suspicious = re.compile(
        r"""(^|["' =(])/(root|work|home/[a-z]+)/|sk-[A-Za-z0-9]{16,}|BEGIN (RSA|EC) PRIVATE KEY"""
    )
    found = []
    for name in filter(None, tracked):
        path = ROOT / name
        if path.suffix in {".png", ".gz", ".parquet"} or not path.is_file():
            continue
        found += [
            f"{name}: {line[:80]}" for line in path.read_text(errors="replace").split("\n") if suspicious.search(line)
        ]
    assert [f for f in found if not f.startswith("tests/deploy/test_files.py")] == []
