"""Yield: what trees and fields will bear, in parts that are kept apart.

yield = P(flowering) × pattern (size, age, vigour, relative effect, bearing) × season level.
The rooms, from low to high:

* `ridge`: the default model, shrunk as far as the records ask for;
* `challengers`: forest, boosting and blend, for where they win;
* `season`: a new season from a few counted trees.
"""

from models.yields.challengers import candidates
from models.yields.ridge import ShrunkenRidge
from models.yields.season import SeasonRecalibration

__all__ = ["SeasonRecalibration", "ShrunkenRidge", "candidates"]
