"""Spectral indices: what they are, which a camera offers, and maps of them.

* `expression`: formulas read as data and never run as a program;
* `catalogue`: the catalogue ``indices.toml``, and what a camera's bands allow;
* `reflectance`: whether a file's values can be reflectance;
* `figures`: what a map holds and what masks left out, in figures;
* `maps`: maps of several indices, masked, in one pass.
"""
