"""When a page was written: its own day, not that of a survey, an event or something beside it; and odd feeds."""

import pytest

from cafe24_pipelines.research.dates import read_date
from cafe24_pipelines.research.feeds import entries
from cafe24_pipelines.research.pages import read_page
from tests.research.conftest import REPURCHASE, TODAY


def structured(*rows: str) -> str:
    return "".join(f'<script type="application/ld+json">{row}</script>' for row in rows)


@pytest.mark.parametrize(
    ("head", "body", "day"),
    [
        ("", "<p>조사기간: 2024.01.01~2024.12.31</p>", ""),
        ("", "<p>행사 기간 2026.03.01~03.08</p><p>등록 2026.02.11</p>", "2026-02-11"),
        ("", "<aside><time datetime=2019-01-01>관련 글</time></aside>", ""),
        ("", "<p>작성자 홍보실</p><p>등록일 : 2025. 11. 3. 조회수 1,234</p>", "2025-11-03"),
        (structured('{"@graph":[{"@type":"Review","datePublished":"2021-01-01"},'
                    '{"@type":"NewsArticle","datePublished":"2025-11-03"}]}'), "", "2025-11-03"),
        (structured('{"@type":"WebPage","mainEntity":{"@type":"Article","datePublished":"2025-11-03"}}'), "",
         "2025-11-03"),
        (structured('//<![CDATA[\n{"headline":"줄\n바꿈","datePublished":"2025-11-03T09:00:00+09:00"}\n//]]>'), "",
         "2025-11-03"),
        (structured("[1, null, {}]", '{"@graph": 3}', "{"), "", ""),
        ('<meta name="Date" content="2025-11-03 09:00">', "", "2025-11-03"),
        ('<meta property="article:published_time" content="1970-01-01T00:00:00Z">', "", ""),
    ],
)  # fmt: skip
def test_a_page_s_day_is_the_one_it_was_published_on(head: str, body: str, day: str) -> None:
    page = f"<html><head><title>리포트</title>{head}</head><body><article>{body}<p>{REPURCHASE}</p></article>"
    assert read_page(page.encode(), "text/html", today=TODAY).day == day


def test_a_feed_is_read_in_whatever_charset_it_says_and_odd_days_are_none() -> None:
    items = (
        ("1", "전환율 리포트", "<pubDate>2025-11-03 09:00:00</pubDate>"),
        ("2", "나", '<dc:date xmlns:dc="http://purl.org/dc/elements/1.1/">2025-11-04T00:10:00+09:00</dc:date>'),
        ("3", "다", "<pubDate>Mon, 03 11월 2025 09:00:00 +0900</pubDate>"),
        ("4", "라", "<pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate>"),
        ("5", "마", "<pubDate>Mon, 03 Nov 2025 00:30:00 KST</pubDate>"),
    )
    rows = "".join(f"<item><title>{t}</title><link>https://a.example/{n}</link>{d}</item>" for n, t, d in items)
    body = f"<rss version='2.0'><channel>{rows}<item><guid>https://a.example/6</guid></item></channel></rss>"
    for declared, real in (("euc-kr", "cp949"), ("utf-8", "cp949"), ("ks_c_5601-1987", "cp949"), ("utf-8", "utf-8")):
        listed = f'<?xml version="1.0" encoding="{declared}"?>{body}'.encode(real)
        found = {e.url[-1]: (e.title, e.day) for e in entries(listed, "https://a.example/rss")}
        assert found == {
            "1": ("전환율 리포트", "2025-11-03"), "2": ("나", "2025-11-04"), "3": ("다", ""), "4": ("라", ""),
            "5": ("마", "2025-11-03"), "6": ("", ""),
        }, declared  # fmt: skip
    twice = '<?xml version="1.0"?><?xml version="1.0" encoding="UTF-8"?>'
    for broken in ('<?xml version="1.0" encoding="UTF-8">', twice):
        assert len(entries(f"{broken}{body}".encode(), "https://a.example/rss")) == 6, "as far as it can be read"
    assert read_date("0000-00-00") == read_date("2025-13-45") == ""
