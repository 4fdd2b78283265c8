"""The embedded Dagster instance: its folder, its settings file, and one whole run of the chain in this process.

The root `dagster.yaml` is the server profile's; this one lives under `CAFE24_HOME/dagster` and is written anew
whenever a command needs it. Does not belong here: what a run does (see `assets/`).
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.errors import Cafe24Error, ConfigError
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.files import friendly_os_errors, write_atomic

if TYPE_CHECKING:
    import dagster as dg

EMBEDDED_DAGSTER_YAML = """\
# Written by cafe24-pipelines for the embedded profile; changes here are overwritten.
# Runs queue one behind the other, because embedded stores have one writer.
concurrency:
  runs:
    max_concurrent_runs: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  cancel_timeout_seconds: 180
  free_slots_after_run_end_seconds: 60
# For a run whose process is gone; what fails in a step is tried again there, if that helps (assets/policies.py).
run_retries:
  enabled: true
  max_retries: 1
  retry_on_asset_or_op_failure: false
retention:
  sensor:
    purge_after_days: 7
  schedule:
    purge_after_days: 90
telemetry:
  enabled: false
nux:
  enabled: false
"""

Progress = Callable[[str], None]


def prepare_home(settings: Settings) -> None:
    """Write the embedded instance's settings, if they are not there as they should be."""
    path = settings.home.dagster / "dagster.yaml"
    with friendly_os_errors(settings.home.root):
        if not path.exists() or path.read_text() != EMBEDDED_DAGSTER_YAML:
            write_atomic(path, EMBEDDED_DAGSTER_YAML)


@contextlib.contextmanager
def dagster_instance(settings: Settings) -> Iterator["dg.DagsterInstance"]:
    """The instance of the profile: the home's own when embedded, the one `DAGSTER_HOME` names on servers."""
    import dagster as dg

    if settings.profile == "server":
        if not os.environ.get("DAGSTER_HOME"):
            raise ConfigError("DAGSTER_HOME is not set", remedy="set it to the folder that holds dagster.yaml")
        with dg.DagsterInstance.get() as instance:
            yield instance
        return
    prepare_home(settings)
    with dg.DagsterInstance.from_config(str(settings.home.dagster)) as instance:
        yield instance


def run_chain(settings: Settings, mall: Mall, progress: Progress) -> None:
    """Materialise every asset of one mall in this process; waits while another run writes.

    Raises:
        Cafe24Error: the first problem that stopped the run, in one line.
    """
    import dagster as dg

    from cafe24_pipelines.definitions import build_defs
    from cafe24_pipelines.partitions import malls
    from cafe24_pipelines.resources import resources_for

    _few_arenas()
    defs = build_defs(resources=resources_for(str(settings.home.root)), loggers={"progress": _logger(progress)})
    job = defs.resolve_job_def("whole_chain")
    with dagster_instance(settings) as instance:
        instance.add_dynamic_partitions(str(malls.name), [mall.mall_id])
        try:
            job.execute_in_process(
                instance=instance, partition_key=mall.mall_id, run_config={"loggers": {"progress": {"config": {}}}}
            )
        except dg.DagsterError as e:
            raise Cafe24Error(_first_cause(e), remedy="`make ui` shows the run with its log") from e


def _few_arenas() -> None:
    """Let glibc keep two heaps instead of one a thread: worth 150 MB on half a million order lines, and no time."""
    import ctypes

    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(-8, 2)  # M_ARENA_MAX in malloc.h


def _first_cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


class _ProgressHandler(logging.Handler):
    """One line a finished step, and what steps themselves say."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._started: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", None) or {}
        event = meta.get("dagster_event")
        step = meta.get("step_key") or ""
        if event is None:
            if record.levelno >= logging.INFO:
                self._progress(f"    {meta.get('orig_message') or record.getMessage()}")
            return
        kind = event.event_type_value
        if kind == "STEP_START":
            self._started[step] = time.monotonic()
        elif kind == "STEP_SUCCESS":
            took = time.monotonic() - self._started.get(step, time.monotonic())
            self._progress(f"  ✓ {step} ({took:.1f} s)")
        elif kind == "STEP_FAILURE":
            self._progress(f"  ✗ {step}")


def _logger(progress: Progress) -> "dg.LoggerDefinition":
    import dagster as dg

    @dg.logger({}, description="Progress lines for a person at a terminal.")
    def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
        log = logging.Logger("cafe24.progress", logging.DEBUG)  # a logger of its own: no handler is added twice
        log.addHandler(_ProgressHandler(progress))
        return log

    return progress_logger


def serve_ui(settings: Settings, port: int) -> None:
    """Become `dagster dev` on this home, on loopback; whoever stops this process stops all of it.

    Raises:
        ConfigError: the port is taken, or the `dagster` command is not installed.
    """
    import shutil
    from pathlib import Path

    _require_free(port)
    with dagster_instance(settings) as instance:
        _add_known_malls(instance, settings)
    beside = Path(sys.executable).with_name("dagster")
    command = str(beside) if beside.exists() else shutil.which("dagster")
    if command is None:
        raise ConfigError("the dagster command is not installed", remedy="install the project with `make install`")
    env = os.environ | {
        "DAGSTER_HOME": str(settings.home.dagster),
        "CAFE24_HOME": str(settings.home.root),
        "PYTHONWARNINGS": "ignore",
    }
    os.chdir(settings.home.root)  # elsewhere, Dagster would find the server profile's dagster.yaml
    arguments = [command, "dev", "-m", "cafe24_pipelines.definitions", "-h", "127.0.0.1", "-p", str(port)]
    os.execve(command, arguments, env)  # noqa: S606


def _require_free(port: int) -> None:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as e:
            raise ConfigError(f"port {port} is taken", remedy="choose another: cafe24 ui --port N") from e


def _add_known_malls(instance: "dg.DagsterInstance", settings: Settings) -> None:
    from cafe24_pipelines.cafe24.malls import known_malls
    from cafe24_pipelines.partitions import malls

    instance.add_dynamic_partitions(str(malls.name), sorted(known_malls(settings.home)))
