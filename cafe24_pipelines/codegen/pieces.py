"""The fixed parts of a snippet: variables, headers, one call with its waits, paging, tallies. Text, never imported.

Does not belong here: what depends on an operation (`templates.py`).
"""

from typing import Final

BASE: Final = """API_URL = os.environ["CAFE24_API_URL"].rstrip("/")
TOKEN = os.environ["CAFE24_ACCESS_TOKEN"]"""

HEADERS: Final = """HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "X-Cafe24-Api-Version": "<version>",
}"""

FUNCTIONS: Final = {
    "pause": '''def pause(headers, attempt):
    """429 뒤에 쉴 초: 사용량 머리글이 있으면 그만큼, 없으면 버킷이 비는 만큼 (초당 2칸)."""
    told = [int(headers.get(f"X-Cafe24-{name}-Remain", 0)) for name in ("Call", "Time")]
    return max(*told, 0.5 * 2**attempt)
''',
    "get": '''def get(client, url, params):
    """GET 한 번. 429와 5xx는 기다렸다가 다시 부르고, 버킷(X-Api-Call-Limit)이 차면 쉬어 갑니다."""
    for attempt in range(6):
        answer = client.get(url, params=params, headers=HEADERS)
        if answer.status_code == 429 or answer.status_code >= 500:
            time.sleep(pause(answer.headers, attempt))
            continue
        if answer.status_code >= 400:
            raise SystemExit(f"HTTP {answer.status_code} (401 토큰, 403 권한, 404 번호, 422 파라미터를 확인하세요)")
        used, size = answer.headers.get("X-Api-Call-Limit", "0/40").split("/")
        time.sleep(0.5 if int(used) > int(size) - 4 else 0.12)
        return answer.json()
    raise SystemExit("여러 번 거절되었습니다 (429 또는 5xx). 잠시 뒤에 다시 실행하세요.")
''',
    "rows_of": '''def rows_of(answer):
    """응답의 목록 (links는 다음 페이지 주소라서 뺍니다). 하나짜리 응답은 한 건으로 봅니다."""
    for name, value in answer.items():
        if name != "links":
            return value if isinstance(value, list) else [value]
    return []
''',
    "offset_pages": '''def offset_pages(client, url, params, limit, offset_max):
    """limit씩 offset을 늘려 끝까지 받습니다. offset의 한도를 넘으면 조건을 나눠야 합니다."""
    for offset in range(0, offset_max + 1, limit):
        rows = rows_of(get(client, url, {**params, "limit": limit, "offset": offset}))
        yield from rows
        if len(rows) < limit:
            return
    raise SystemExit(f"offset이 한도 {offset_max:,}에 닿았습니다. 기간이나 조건을 나누세요.")
''',
    "cursor_pages": '''def cursor_pages(client, url, params, limit, cursor):
    """cursor(since_…) 다음 번호부터 limit씩 끝까지 받습니다."""
    query = {**params, "limit": limit, cursor: 0}
    while True:
        rows = rows_of(get(client, url, query))
        yield from rows
        if len(rows) < limit:
            return
        query = {**query, cursor: rows[-1][cursor.removeprefix("since_")]}
''',
    "windows": '''def windows(start, end, days):
    """기간을 days일 이하로 나눕니다."""
    while start <= end:
        last = min(end, start + timedelta(days=days - 1))
        yield start.isoformat(), last.isoformat()
        start = last + timedelta(days=1)
''',
    "first": '''def first(rows, name):
    """앞의 AT_MOST건에서 name 값을 겹치지 않게 모읍니다."""
    found = []
    for row in rows:
        value = row.get(name)
        if value and value not in found:
            found.append(value)
        if len(found) >= AT_MOST:
            break
    return found
''',
    "tally": '''def tally(rows, name):
    """name 값마다 몇 건인지."""
    counted = Counter(str(row.get(name)) for row in rows)
    print(f"  {name}:", dict(counted.most_common(10)))
''',
    "add_up": '''def add_up(rows, name):
    """name 값의 합."""
    print(f"  {name} 합계:", sum(Decimal(str(row.get(name) or 0)) for row in rows))
''',
}
"""Functions of a snippet by name."""

ORDER: Final = tuple(FUNCTIONS)
