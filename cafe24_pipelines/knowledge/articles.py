"""Our own articles on CRM practice, in Korean, each with the sources it rests on.

Does not belong here: documentation of the API (see `catalogue.py`).
"""

from cafe24_pipelines.knowledge.documents import Document
from cafe24_pipelines.knowledge.package_data import markdown_files
from cafe24_pipelines.names import CRM_KNOWLEDGE


def load_articles() -> list[Document]:
    """Every article, sorted by id; `source` is its main citation and the last section lists them all."""
    return [
        Document(
            slug, CRM_KNOWLEDGE, "article", head["title"], f"# {head['title']}\n\n{body}", "ko", head["source"],
            tags=head["tags"],
        )
        for slug, head, body in markdown_files("articles")
    ]  # fmt: skip
