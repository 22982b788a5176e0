"""What is sprayed of an orchard: tree by tree or row by row.

Both planners give a `missions.passes.route.SprayRoute`, flown like that of any field.

* `crowns`: trees: place, crown, height, and what is wrong with a list of them;
* `tree_ground`: where trees may be sprayed from, and which are left out;
* `tour`: a short way round many places;
* `trees`: tree by tree: hovers and rings;
* `row_finding`: rows, found from the places of their trees;
* `row_lines`: the line along a row;
* `rows`: row by row: passes along rows, on over crowns only.
"""
