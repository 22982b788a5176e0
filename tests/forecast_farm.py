"""A farm whose orchard was planted: its trees as a register, its past harvests, its counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agri.field import Field
from agri.geo import transformer
from agri.operations.counting import sample_trees, spread_of
from agri.operations.maps.shelf import Shelf
from imagery.trees.passport import Passport, Register, Visit, register_text
from sitl.scene import Borne, Scene
from tests.planted import planted

FIRST_ROW = 50


def tree_names(scene: Scene) -> list[str]:
    return [f"{tree.row + FIRST_ROW:02d}-{tree.column + FIRST_ROW:02d}" for tree in scene.trees]


def planted_register(scene: Scene, borne: Borne, path: Path) -> Path:
    """Two flights a season: crowns before the winter, flowering when panicles are out."""
    x, y = transformer(4326, 32648).transform(*scene.frame.to_lonlat(
        np.array([tree.east_m for tree in scene.trees]),
        np.array([tree.north_m for tree in scene.trees])))  # fmt: skip
    passports = []
    for at, (tree, name) in enumerate(zip(scene.trees, tree_names(scene), strict=True)):
        area = float(np.pi * tree.radius_m**2)
        size = {"height_m": tree.height_m, "area_m2": area, "volume_m3": 0.6 * area * tree.height_m}
        spot = (float(x[at]), float(y[at]))
        visits = []
        for season, year in enumerate(borne.seasons):
            for flight, indices in (
                (f"{year - 1}-11-20", {"NDVI": float(borne.vigour[season, at])}),
                (f"{year}-02-04", {"flowering": float(borne.flowering_index[season, at])}),
            ):
                visits.append(Visit(flight=flight, seen=True, middle=spot, indices=indices, **size))
        row, place = tree.row + FIRST_ROW, tree.column + FIRST_ROW
        passports.append(Passport(name=name, row=row, place=place, spot=spot,
                                  visits=tuple(visits)))  # fmt: skip
    book = Register(passports=tuple(passports), epsg=32648, spacing_m=(6.0, 5.0))
    path.write_text(register_text(book), encoding="utf-8")
    return path


def harvest_table(scene: Scene, borne: Borne, path: Path, *, seasons: int = 5) -> Path:
    """Every tree's kilograms of the first seasons, as pickers write them."""
    lines = ["Vụ;Cây;Sản lượng"]
    lines += [f"{borne.seasons[row]};{name};{str(round(float(kg), 1)).replace('.', ',')}"
              for row in range(seasons)
              for name, kg in zip(tree_names(scene), borne.kg[row], strict=True)]  # fmt: skip
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def count_table(scene: Scene, borne: Borne, register: Path, folder: Path, row: int = 5) -> Path:
    """The list of eighteen trees to count, filled in as a person would before the harvest."""
    shelf = Shelf(folder=folder, language="vi")
    found = sample_trees(register, shelf, counted=spread_of(None, 0.6), trees=18)
    path = found.files[0]
    fruits = dict(zip(tree_names(scene), borne.fruits[row], strict=True))
    head, *rows = path.read_text("utf-8").splitlines()
    done = [f"{line}{fruits[line.split(',')[1]]:.0f}" for line in rows]
    path.write_text("\n".join([head, *done]), encoding="utf-8")
    return path


def planted_field(scene: Scene) -> Field:
    return Field(name="Vườn vải", boundary=scene.outline().geoms[0], crop="vai_ph40")


def farm_files(folder: Path, seed: int = 3) -> tuple[Scene, Borne, Path, Path, Path]:
    scene, borne = planted(seed)
    register = planted_register(scene, borne, folder / "vuon-vai-trees.json")
    harvests = harvest_table(scene, borne, folder / "thu.csv")
    return scene, borne, register, harvests, count_table(scene, borne, register, folder / "maps")
