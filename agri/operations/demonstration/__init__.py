"""A whole season lived through on a made farm, with its truth to hold every step against.

* `world`: the farm as it is made from a seed, and what nobody on it knows: the truth;
* `season`: the season under way: the farm, its calendar, what the steps have found so far;
* `surveying`: flights that photograph, and the maps made of them;
* `growing`: trees, zones and rates; change, counts, forecast, harvest, the next season;
* `spraying`: two sprayings flown, one broken off and finished after a change of the pack;
* `steps`: the steps in their order, what each is for and how it is done by hand;
* `scoring`: what each step found against the truth;
* `page`: the page of the season;
* `living`: all of it in one go.
"""
