"""Asset checks, one file a stage: contracts block, observations warn, evidence is in the metadata."""
