"""Fine-tune data sets: examples, validation, split."""
