"""The ontology: domain.yaml, the graph projected from the lake, its health."""
