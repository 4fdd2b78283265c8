"""The inbox: what people and clients ask of the pipeline, as typed events that workflows read and act on once."""
