"""Documents to hybrid search: catalogue, chunks, Korean tokens, encoders, retrieval."""
