"""Neo4j Browser as analysts use it: saved queries, a guide and a style, all made from the ontology.

`python -m cafe24_pipelines.ontology.browser deploy/neo4j` writes the files. Does not belong here: queries that
answers are made of (`ontology/queries.py`); those stay in the subset that every graph store takes.
"""
