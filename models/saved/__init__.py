"""Models kept: what they are, what they were tried on, and how they come back safely.

A saved model is two files in a folder of its own version: ``model.json`` (card, kind, numbers,
digests) and ``arrays.npz``. Nothing is ever unpickled, imported or called by a name that stands in
a file. Its rooms, from low to high:

* `arrays`: NPZ bytes from plain arrays and back, read without NumPy's loader;
* `card`: what a model is, what it was tried on, where it must not be believed;
* `document`: a model's state with its card, as two files, and back, guarded;
* `registry`: all versions of a farm's models, append-only, with the way back.
"""
