"""all-MiniLM-L6-v2, the prototype's embedding model, in an environment of its own."""
