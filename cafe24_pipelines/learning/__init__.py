"""What the pipeline learns from its use: feedback judged, code mined for recipes, settings tried and promoted."""
