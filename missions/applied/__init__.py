"""What was put where: on paper from the items, and afterwards from the flight's record.

Pages and maps show the account; what is flown on paper is what plans are measured by.

* `deposit`: a spray flight flown on paper: what would land where;
* `sprayed_way`: where a flight sprayed how much, by its record;
* `floor`: true metres along the axes of the UTM zone;
* `footprint`: lays what was sprayed on a grid of cells;
* `account`: the whole account: litres and their map, against what was asked;
* `balance`: what left the tank, against what its pump was told.
"""
