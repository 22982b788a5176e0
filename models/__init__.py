"""Models: phenology, yield and advice.

The package imports the ground floor alone. Its rooms:

* `features`: what a forecast may know, and what it does where something is missing;
* `phenology`: whether trees flower, at which stage a crop stands, and when it will be ripe;
* `validation`: how wrong a model is on what it will be used for, beside saying the mean;
* `intervals`: between what and what, calibrated by what is new;
* `novelty`: whether the model has seen anything like it;
* `yields`: what trees and fields will bear;
* `advice`: what to do this week and why, what forbids it, and what it is worth;
* `harvest_logs`: pickers' notebooks and yield monitors, cleaned before anything learns from them;
* `saved`: models kept with their cards, without pickle, version by version.
"""
