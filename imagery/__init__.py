"""Imagery: from photos and orthomosaics to crop indices.

What exists is the room that every other one will stand on: `imagery.raster` opens GeoTIFF, guarded,
as `agri.grid.Grid` (ground heights, surfaces, rate maps) and writes grids back. Bands, calibration,
indices, intake, mosaic, zonal statistics, trees, zones and change are not built yet. A survey's
photographs meet the package through the positions that a flight's record keeps
(`agri.track.Photo`).
"""
