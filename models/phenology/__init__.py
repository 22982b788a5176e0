"""Phenology: whether trees will flower, which stage a crop stands at, and when it will be ripe.

Rooms, from low to high: `temperatures` (days of temperature as plain arrays; degree days, hours
below a limit, this season joined to past years) · `induction` (cool days of winter → the share of
shoots that will flower, as a probability) · `clock` (heat from stage to stage with an uncertain
base temperature, learned from seasons with known dates) · `season` (stages and harvest date as
P10/P50/P90 from an ensemble of past years, narrowed by what is seen).
"""
