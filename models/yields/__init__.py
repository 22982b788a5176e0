"""Yield: what trees and fields will bear, in parts that are kept apart.

yield = P(flowering) × pattern (size, age, vigour, relative effect, bearing) × season level.
The rooms, from low to high:

* `ridge`: the default model, shrunk as far as the records ask for;
* `kriging`: a map from scattered records;
* `challengers`: forest, boosting and blend, for where they win;
* `season`: a new season from a few counted trees;
* `sampling`: which trees to count;
* `trees`: flowering, pattern and level, each with its error;
* `totals`: trees and fields whose sums agree, with correlated errors;
* `gates`: five moments of a season, and what is known at each;
* `spreads`: errors as quantiles, and from how few seasons they come;
* `learning`: what past seasons teach of a gate;
* `forecasting`: trees and field at a gate, the error by its sources;
* `measuring`: what to measure next, and how much narrower that makes it;
* `hindcast`: past seasons forecast as they would have been then;
* `kept`: five gates' models as plain numbers with their card, and back.
"""

from models.yields.challengers import candidates
from models.yields.forecasting import GateForecast, forecast_at
from models.yields.gates import Gate
from models.yields.hindcast import hindcast
from models.yields.kriging import NearKriging
from models.yields.learning import GateModel, learn
from models.yields.measuring import Measure, advised, measures
from models.yields.ridge import ShrunkenRidge
from models.yields.sampling import TreeSample, plan_sample, trees_needed
from models.yields.season import SeasonRecalibration
from models.yields.totals import Total, TreeForecast, reconcile, total
from models.yields.trees import TreeParts, TreeYield

__all__ = ["Gate", "GateForecast", "GateModel", "Measure", "NearKriging", "SeasonRecalibration",
           "ShrunkenRidge", "Total", "TreeForecast", "TreeParts", "TreeSample", "TreeYield",
           "advised", "candidates", "forecast_at", "hindcast", "learn", "measures", "plan_sample",
           "reconcile", "total", "trees_needed"]  # fmt: skip
