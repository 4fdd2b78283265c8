"""Questions to cited answers: intents, exact aggregates, prompts, the LLM."""
