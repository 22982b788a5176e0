"""Imagery: from photos and orthomosaics to crop indices."""
