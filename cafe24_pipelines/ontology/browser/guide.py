"""The guide that `:play` and `:guide` of Neo4j Browser show: one slide a section, every saved query ready to run.

Browser keeps the inside of each `<slide>`, drops scripts and `on…=` attributes, and turns `<pre class="runnable">`
and `data-exec` into things to click. Does not belong here: the queries (see `saved.py`).
"""

from html import escape
from typing import Final

from cafe24_pipelines.ontology.browser.generated import LIVE, inside
from cafe24_pipelines.ontology.browser.look import LAYERS, node_look
from cafe24_pipelines.ontology.browser.saved import MALL_COMMAND, SavedQuery, Section, sections
from cafe24_pipelines.ontology.model import Domain
from cafe24_pipelines.stores.graph_neo4j import MARKER
from cafe24_pipelines.stores.neo4j_load import SCOPE

TITLE: Final = "cafe24-pipelines 그래프 안내"
_CHIP: Final = (
    "display:inline-block;margin:2px 4px 2px 0;padding:2px 10px;border-radius:11px;font-size:12px;line-height:18px;"
    "border:1px solid {border};background:{color};color:{text}"
)
_BANNER: Final = "border-left:4px solid #C81E3A;padding:2px 0 2px 12px;margin:4px 0 12px"


def guide(domain: Domain) -> str:
    """The whole guide as HTML."""
    slides = [_start(domain), *(_section(s) for s in sections(domain)), _own_queries()]
    body = "\n".join(f'<slide class="row-fluid">\n<div class="col-sm-12">\n{s}\n</div>\n</slide>' for s in slides)
    return (
        f'<article class="guide">\n<title>{TITLE}</title>\n<carousel class="deck container-fluid">\n{body}\n'
        "</carousel>\n</article>\n"
    )


def _heading(ko: str, en: str) -> str:
    return f'<div style="{_BANNER}"><h3>{ko}</h3><p class="lead">{en}</p></div>'


def _start(domain: Domain) -> str:
    command = escape(MALL_COMMAND.removeprefix(":"), quote=True)
    return f"""{_heading(TITLE, "A guide to the shop's graph")}
<p>한 데이터베이스에 여러 몰이 있습니다. 먼저 볼 몰을 정하세요. 누르면 실행됩니다. 다른 몰은 id를 바꿔 입력하세요.<br>
<small>Several malls share this database. Choose one first: click, or type it with another id.</small></p>
<p><code data-exec="{command}">{escape(MALL_COMMAND)}</code></p>
<p>질의를 누르면 편집기에 들어가고, 옆의 화살표를 누르면 바로 실행됩니다. 색과 한글 설명은
<code>style.grass</code>를, 즐겨찾기는 <code>saved-queries.zip</code>을 이 창에 끌어다 놓으면 들어옵니다.<br>
<small>Click a query to edit it, its arrow to run it. Drop <code>style.grass</code> and <code>saved-queries.zip</code>
on this window for colours and favourites.</small></p>
{_legend(domain)}"""


def _legend(domain: Domain) -> str:
    """Every label as a chip of its colour, by layer."""
    rows = []
    for layer, (name, _) in LAYERS.items():
        chips = "".join(
            f'<span style="{_CHIP.format(**vars(node_look(domain, label)))}">{spec.ko} <small>{label}</small></span>'
            for label, spec in domain.labels.items()
            if spec.layer == layer
        )
        rows.append(f"<p><strong>{name}</strong><br>{chips}</p>")
    return "\n".join(rows)


def _section(section: Section) -> str:
    return "\n".join([_heading(section.ko, section.en), *(_query(q) for q in section.queries)])


def _query(query: SavedQuery) -> str:
    return (
        f"<h4>{query.ko} <small>{query.en}</small></h4>\n<p>{query.note}</p>\n"
        f'<pre class="pre-scrollable code runnable">{escape(query.text, quote=False)}</pre>'
    )


def _own_queries() -> str:
    example = (
        f"{LIVE}\nMATCH (c:CRM_Customer) WHERE {inside('c')}\nRETURN c.region AS region, count(c) AS members\n"
        "ORDER BY members DESC"
    )
    return f"""{_heading("직접 쓰기", "Your own queries")}
<p>질의는 언제나 표지(<code>{MARKER}</code>)에서 시작해 첫 노드를 게시된 범위(<code>{SCOPE}</code>)로 좁힙니다.
그렇지 않으면 다른 몰이나 게시되지 않은 사본이 섞입니다. 패턴 쪽으로 거슬러 갈 때(<code>&lt;-[:ABOUT]-</code>)는
패턴의 {SCOPE}도 확인하세요. 그래프 화면에서 노드를 펼칠 때(double-click)도 게시되지 않은 패턴이 보일 수 있습니다.<br>
<small>Begin at the marker and restrict the first node to the published scopes; ask again when you walk back to
patterns, and mind that expanding a node by hand asks for nothing.</small></p>
<pre class="pre-scrollable code runnable">{escape(example, quote=False)}</pre>
<p>쓰지 마세요. 손으로 고친 것은 다음 적재와 어긋납니다. <code data-exec="access-mode read">:access-mode read</code>가
실수를 막아 줍니다. <small>Never write; read mode guards against slips.</small></p>"""
