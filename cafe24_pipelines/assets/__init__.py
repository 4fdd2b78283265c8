"""Assets, one file a stage: a few lines each that call the domain rooms and report what happened."""
