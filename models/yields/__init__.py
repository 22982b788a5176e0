"""Yield: what trees and fields will bear, in parts that are kept apart.

yield = P(flowering) × pattern (size, age, vigour, relative effect, bearing) × season level.
The rooms, from low to high:

* `ridge`: the default model, shrunk as far as the records ask for;
* `kriging`: a map from scattered records;
* `challengers`: forest, boosting and blend, for where they win;
* `season`: a new season from a few counted trees;
* `sampling`: which trees to count;
* `trees`: flowering, pattern and level, each with its error;
* `totals`: trees and fields whose sums agree, with correlated errors.
"""

from models.yields.challengers import candidates
from models.yields.kriging import NearKriging
from models.yields.ridge import ShrunkenRidge
from models.yields.sampling import TreeSample, plan_sample, trees_needed
from models.yields.season import SeasonRecalibration
from models.yields.totals import Total, TreeForecast, reconcile, total
from models.yields.trees import TreeParts, TreeYield

__all__ = ["NearKriging", "SeasonRecalibration", "ShrunkenRidge", "Total", "TreeForecast",
           "TreeParts", "TreeSample", "TreeYield", "candidates", "plan_sample", "reconcile",
           "total", "trees_needed"]  # fmt: skip
