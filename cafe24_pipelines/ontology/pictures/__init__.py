"""Pictures of a published graph for the documentation, drawn as SVG from what the graph holds.

`python -m cafe24_pipelines.ontology.pictures --home .cafe24 --mall sandbox docs/images` draws both. Only the
subset of Cypher that every graph store takes is used, so it makes no difference where the graph lies.
"""
