"""The page in a real browser, a phone wide: its own policy lets its style in, and nothing sticks out."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from cafe24_pipelines.reports.page import LANGUAGES, render
from tests.reports.conftest import full_sections, made_finding

Make = Callable[..., dict[str, Any]]
BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
_MEASURED = """<!DOCTYPE html><body><iframe id="f" width="%d" height="800" srcdoc="%s"></iframe><script>
document.getElementById("f").onload = (event) => {
  const page = event.target.contentDocument, wide = event.target.clientWidth;
  const frames = (e) => e.closest(".scroll") || e.closest("svg") || e.closest("pre");
  const out = [...page.querySelectorAll("body *")].filter((e) => !frames(e) &&
    e.getBoundingClientRect().right > wide + 1).map((e) => e.tagName + "." + e.className);
  const sizes = [...page.querySelectorAll("svg text")].map((e) => parseFloat(getComputedStyle(e).fontSize));
  document.body.textContent = JSON.stringify({wide: wide, page: page.documentElement.scrollWidth, out: out,
    breaks: getComputedStyle(page.body).wordBreak, smallest: Math.min(...sizes),
    broken: [...page.querySelectorAll(".card b")].filter((e) =>
      e.offsetHeight > 1.9 * parseFloat(getComputedStyle(e).lineHeight)).map((e) => e.textContent)});
};
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs a browser: install chromium")
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out(snapshot: Make, tmp_path: Path, lang: str, width: int) -> None:
    findings = [made_finding(1, title="띄어쓰지않은아주긴상품이름" * 12), made_finding(2, state="retracted")]
    claim = {
        "title": "고객 생애 가치 대 획득 비용", "said": "1,234,567~2,345,678원", "apart": True,
        "publisher": "붙여쓴출처" * 20, "when": "2026-02-02", "population": "global/electronics/desktop/message",
        "address": "https://x.example/" + "a" * 200,
    }  # fmt: skip
    research = {"source": "benchmark_comparison", "claims": [claim] * 3, "total": 30, "mall": [
        {"id": "p001", "title": "띄어쓰지않은아주긴제목" * 12, "status": "confirmed"}]}  # fmt: skip
    sections = full_sections()
    sections["sales"]["last_full_month"]["revenue"] = 1_294_369_200_000.0
    said = _measured(render(snapshot(0, **sections, findings=findings, research=research), lang), width, tmp_path)
    assert said["wide"] == width and said["page"] <= width and said["out"] == []
    assert said["breaks"] == "keep-all", "the page's policy keeps its own style out"
    assert said["smallest"] >= 12 and said["broken"] == [], "a number stands on one line"


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs a browser: install chromium")
def test_nothing_sticks_out_of_the_description_of_the_api(tmp_path: Path) -> None:
    from cafe24_pipelines.serving.docs_page import page

    field = {"type": "string", "description": "붙여쓴설명" * 30}
    body = {"content": {"application/json": {"schema": {"properties": {"idempotency_key_" * 4: field}}}}}
    answer = {"200": {"description": "Successful Response", **body}}
    asked = {"operationId": "ask", "summary": "묻기", "requestBody": body, "responses": answer}
    said = _measured(
        page({"info": {"title": "API", "version": "1"}, "paths": {"/a": {"post": asked}}}), 360, tmp_path
    )
    assert said["page"] <= 360 and said["out"] == [] and said["breaks"] == "keep-all"


def _measured(page: str, width: int, tmp_path: Path) -> dict[str, Any]:
    """What a browser says of a page in a frame of this width."""
    path = tmp_path / "measured.html"
    path.write_text(_MEASURED % (width, escape(page, quote=True)), encoding="utf-8")
    options = ["--headless", "--disable-gpu", "--virtual-time-budget=5000", f"--user-data-dir={tmp_path / 'profile'}"]
    options += ["--no-sandbox"] if os.geteuid() == 0 else []
    done = subprocess.run([BROWSER, *options, "--dump-dom", path.as_uri()], capture_output=True, text=True,
                          check=True, timeout=120)  # fmt: skip
    found = re.search(r"\{\"wide.*\}", unescape(done.stdout))
    assert found, done.stdout[-500:]
    measured: dict[str, Any] = json.loads(found[0])
    return measured
