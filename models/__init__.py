"""Models: phenology, yield and advice.

The package has its place in the house; its rooms (features, phenology, yields, validation,
intervals, novelty, advice, saved) are not built yet.
"""
