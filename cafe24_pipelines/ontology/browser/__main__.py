"""`python -m cafe24_pipelines.ontology.browser FOLDER`: write the files for Neo4j Browser into a folder."""

import sys
from pathlib import Path

from cafe24_pipelines.ontology.browser.files import write_files
from cafe24_pipelines.ontology.model import load_domain

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m cafe24_pipelines.ontology.browser FOLDER")
    for path in write_files(load_domain(), Path(sys.argv[1])):
        sys.stdout.write(f"{path}\n")
