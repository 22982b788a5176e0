"""Validation: how wrong a yield model is on what it will really be used for.

A model that is asked about a new season must be tried on seasons it never saw; random folds inside
one orchard and one season flatter every model. The rooms, from low to high:

* `variogram`: over what distance neighbours are alike;
* `splits`: random, blocked, leave-field, leave-season and forward folds;
* `baselines`: what one would say without a model;
* `comparing`: all splits side by side, the headline being the deployment's, and the choice.
"""

from models.validation.baselines import BASELINES
from models.validation.comparing import Comparison, Score, choose, compare
from models.validation.splits import Fold, Layout, Split, folds_of
from models.validation.variogram import Variogram, fit_variogram

__all__ = ["BASELINES", "Comparison", "Fold", "Layout", "Score", "Split", "Variogram", "choose",
           "compare", "fit_variogram", "folds_of"]  # fmt: skip
