"""Logs of harvests made fit to learn from; what is changed or left out is told, line by line.

* `pickers`: weights and crates as pickers' notebooks have them;
* `monitor`: a combine's yield monitor, by the rules of Yield Editor and its forerunners;
* `passes`: where a combine went: its passes, ground harvested before, and its grain's delay.
"""
