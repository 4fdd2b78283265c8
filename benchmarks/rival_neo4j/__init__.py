"""A Neo4j server for each contestant of the graph's benchmark, and the peer in an environment of its own."""
