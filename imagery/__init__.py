"""Imagery: from photos and orthomosaics to crop indices.

The package has its place in the house; its rooms (bands, calibration, indices, raster, intake,
mosaic, zonal statistics, trees, zones, change) are not built yet. A survey's photographs meet it
through the positions that a flight's record keeps (`agri.track.Photo`).
"""
