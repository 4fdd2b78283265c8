"""`python -m cafe24_pipelines.ontology.pictures FOLDER [--home DIR] [--mall ID] [--pattern ID]`: draw both pictures.

Reads the published graph that the settings name (embedded or Neo4j).
"""

import argparse
import sys
from pathlib import Path

from cafe24_pipelines import parts
from cafe24_pipelines.errors import Cafe24Error
from cafe24_pipelines.ontology.model import load_domain
from cafe24_pipelines.ontology.pictures.pattern_picture import neighbours, pattern_picture
from cafe24_pipelines.ontology.pictures.schema_map import schema_counts, schema_map
from cafe24_pipelines.settings import Settings


def draw(folder: Path, settings: Settings, mall_id: str, pattern_id: str = "") -> list[Path]:
    """Write `graph-schema.svg` and `graph-pattern.svg` for a mall; returns their paths.

    Raises:
        NotBuilt: nothing has been published for this mall.
    """
    domain, graph = load_domain(), parts.graph_store(settings)
    try:
        pictures = {
            "graph-schema.svg": schema_map(domain, schema_counts(graph, mall_id, domain), mall_id=mall_id),
            "graph-pattern.svg": pattern_picture(domain, neighbours(graph, mall_id, pattern_id)),
        }
    finally:
        graph.close()
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        (folder / name).write_text(picture, encoding="utf-8")
    return [folder / name for name in pictures]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Draw a published graph for the documentation.")
    options.add_argument("folder", type=Path)
    options.add_argument("--home", type=Path)
    options.add_argument("--mall", default="sandbox")
    options.add_argument("--pattern", default="", help="id of the pattern to show with its neighbours")
    given = options.parse_args()
    try:
        drawn = draw(given.folder, Settings.from_env(home=given.home), given.mall, given.pattern)
    except (Cafe24Error, LookupError) as problem:
        sys.exit(str(problem))
    for path in drawn:
        sys.stdout.write(f"{path}\n")
