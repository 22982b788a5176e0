"""Models: phenology, yield and advice."""
