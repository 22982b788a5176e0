"""What a quick mosaic takes, and how well it fits: real photos and a rendered flight. Prints JSON.

``python benchmarks/mosaic.py [--real FOLDER] [--photos 24] [--width 640] [--enlarge 1]`` makes
quick mosaics of

* a folder of real geotagged photos, taken in as a farmer's card is (by default the eleven of a
  near-infrared camera over fields near Seneca, Ohio, where they are there; CC0);
* a rendered survey flight of about so many photos over an orchard whose truth is known: the places
  of bare ground, marked in every photo by the simulator's own geometry, are the check points.
  ``--enlarge`` stretches each photo by a whole factor when it is read, so that memory is measured
  with photos as large as a real camera's without rendering them.

Told are seconds of CPU and of the wall clock for each photo (two cores, the confined processes that
decode counted too), the most memory held (by the program, and by one such process), the share of
photos placed, the reprojection error (feature pixels; of enlarged photos also in the pixels that
were rendered) and, for the rendered flight, the error against the truth beside 1.5 pixels and the
error of GPS. ``--solvers`` sets SciPy's least squares (trust
region, LSMR) beside the adjustment on the block of the real photos.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from imagery.intake import Intake, pictures_of, take_in
from imagery.mosaic import Mosaic, MosaicSettings, Shot, make_mosaic, place_photos
from imagery.mosaic.accuracy import CheckPoint
from imagery.mosaic.adjustment import solve
from imagery.mosaic.block import Block
from imagery.mosaic.from_photos import shots_from_photos, straightened
from imagery.mosaic.making import Placement
from sitl.camera import COLOUR, SceneCamera, Station, Taken, photograph, stations_over
from sitl.camera.lens import seen_at
from sitl.scene import Daylight, Scene, orchard
from sitl.scene.spectra import Material

SENECA = Path(__file__).resolve().parents[2] / "shared" / "data" / "imagery" / "seneca_nir_cc0"
GPS_M = (0.5, 1.0)
HEIGHT_M = 35.0


def cpu_s() -> float:
    """CPU of this process and the ones it started."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def measured(
    intake: Intake, quality: str, factor: int = 1, **options: Any
) -> tuple[dict[str, Any], Mosaic]:
    """Make a mosaic as the command does, decoding in confined processes; tell what it took."""
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = cpu_s(), time.perf_counter()
        with pictures_of(intake.source) as decode:
            shots, _ = shots_from_photos(intake.photos, pixels=straightened(decode))
            made = make_mosaic(
                tuple(enlarged(shot, factor) for shot in shots),
                Path(folder) / "mosaic.tif",
                settings=MosaicSettings(quality="full" if quality == "full" else "quick"),
                **options,
            )
        cpu, wall = cpu_s() - cpu, time.perf_counter() - wall
        size = made.path.stat().st_size
    found = made.accuracy
    return {
        "photos": found.photos,
        "placed": found.placed,
        "placed_share": round(found.placed_share, 3),
        "ties": found.ties,
        "reprojection_px": round(found.reprojection_px, 3),
        "seam_m": round(found.seam_m, 3),
        "gps_residual_m": round(found.gps_m, 3),
        "pixel_m": round(made.pixel_m, 4),
        "megapixels": round(made.width * made.height / 1e6, 1),
        "area_ha": round(made.area_m2 / 1e4, 2),
        "file_mb": round(size / 1e6, 1),
        "cpu_s_per_photo": round(cpu / found.photos, 3),
        "wall_s_per_photo": round(wall / found.photos, 3),
        "two_core_s_per_photo": round(cpu / found.photos / 2.0, 3),
        "most_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "reader_memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3),
    }, made


def enlarged(shot: Shot, factor: int) -> Shot:
    """The same photo with `factor` times the pixels across, stretched when it is read."""
    if factor == 1:
        return shot
    import cv2

    def pixels(reduction: int) -> NDArray[Any]:
        size = (shot.width_px * factor // reduction, shot.height_px * factor // reduction)
        return np.asarray(cv2.resize(shot.pixels(1), size, interpolation=cv2.INTER_LINEAR))

    return Shot(
        name=shot.name,
        width_px=shot.width_px * factor,
        height_px=shot.height_px * factor,
        focal_px=shot.focal_px * factor,
        place=shot.place,
        altitude_m=shot.altitude_m,
        pixels=pixels,
        forward_deg=shot.forward_deg,
        right_deg=shot.right_deg,
        gps_m=shot.gps_m,
        gps_up_m=shot.gps_up_m,
    )


def shown_at(
    camera: SceneCamera, station: Station, place: NDArray[np.float64]
) -> tuple[float, float]:
    """Column and row at which a true station shows a place, NaN far outside its picture.

    Far outside, the lens's polynomial means nothing and folds places back into the picture.
    """
    x, y, z = station.axes() @ (place - [station.east_m, station.north_m, station.height_m])
    reach = 0.6 * np.hypot(camera.width_px, camera.height_px) * camera.pixel_um / 1e3
    if np.hypot(x, y) > reach / camera.focal_mm * abs(z):
        return math.nan, math.nan
    column, row = seen_at(camera, np.array([x / z]), np.array([y / z]))
    return float(column[0]), float(row[0])


def check_points(
    land: Scene, camera: SceneCamera, taken: Sequence[Taken], factor: int, count: int = 60
) -> list[CheckPoint]:
    """Places of bare ground, marked in every photo."""
    rng = np.random.default_rng(0)
    bare = np.argwhere(land.covered_by(Material.SOIL, Material.GRASS))
    east, north = land.places()
    points = []
    for row, column in bare[rng.choice(len(bare), count, replace=False)]:
        place = np.array([east[column], north[row], land.ground_m[row, column]])
        sightings = []
        for each in taken:
            x, y = shown_at(camera, each.station, place)
            if 0 <= x < camera.width_px and 0 <= y < camera.height_px:
                at = ((v + 0.5) * factor - 0.5 for v in (x, y))
                sightings.append((each.files[0].name, *at))
        if sightings:
            told = land.frame.place(float(place[0]), float(place[1]))
            points.append(
                CheckPoint(name=f"{row},{column}", place=told, sightings=tuple(sightings))
            )
    return points


def rendered(photos: int, width: int, factor: int, quality: str) -> dict[str, Any]:
    """A flight over an orchard."""
    camera = COLOUR.of_width(width)
    gsd = camera.gsd_m(HEIGHT_M)
    spacing = gsd**2 * camera.width_px * camera.height_px * 0.2 * 0.3
    side = math.sqrt(photos * spacing)
    land = orchard(seed=3, size_m=(side * 1.15 + 12.0, side / 1.15 + 12.0), cell_m=gsd)
    stations = stations_over(land, camera, height_m=HEIGHT_M, margin_m=6.0)
    with tempfile.TemporaryDirectory() as name:
        start = cpu_s()
        taken = photograph(
            land,
            camera,
            stations,
            Path(name),
            light=Daylight(direct_share=0.6),
            gps_error_m=GPS_M,
            fine=1,
        )
        rendering = (cpu_s() - start) / len(taken)
        points = check_points(land, camera, taken, factor)
        report, made = measured(take_in(Path(name)), quality, factor, check_points=points)
    shown_px = min(1200.0, width * factor) / width
    allowed = 1.5 * gsd / factor + math.hypot(*GPS_M)
    return report | {
        "reprojection_rendered_px": round(made.accuracy.reprojection_px / shown_px, 3),
        "rendering_cpu_s_per_photo": round(rendering, 3),
        "megapixels_per_photo": round(camera.width_px * camera.height_px * factor**2 / 1e6, 2),
        "check_points": made.accuracy.check_points,
        "error_m": round(made.accuracy.check_m, 3),
        "allowed_m": round(allowed, 3),
    }


def solvers(placed: Placement, shots: Sequence[Shot]) -> dict[str, Any]:
    """SciPy's least squares and the adjustment from the same disturbed beginning."""
    from scipy.optimize import least_squares

    block, number = placed.adjusted, np.cumsum(placed.adjusted.placed) - 1
    poses = block.poses[block.placed]
    factor = max(shots[0].width_px, shots[0].height_px) / 1200.0
    problem = Block(
        photo=number[block.tracks.photo],
        track=block.tracks.track,
        seen_px=block.tracks.points_px,
        focal_px=np.array([view.shot.focal_px for view in placed.views]) / factor,
        gps_m=poses[:, :3],
        gps_error_m=np.full((len(poses), 3), 3.0),
        tilt_rad=np.full((len(poses), 2), np.nan),
        points=block.tracks.count,
    )
    rng = np.random.default_rng(1)
    start = poses + rng.normal(0.0, [2.0, 2.0, 2.0, 0.1, 0.1, 0.1], poses.shape)
    begin = np.concatenate([start.ravel(), np.zeros(2), block.points_m.ravel()])
    ways: dict[str, Callable[[], NDArray[np.float64]]] = {
        "adjustment": lambda: solve(problem, begin, loss=100.0),
        "least_squares_lsmr": lambda: (
            least_squares(
                problem.residuals,
                begin,
                jac=problem.jacobian,
                tr_solver="lsmr",
                loss="huber",
                f_scale=100.0,
                x_scale="jac",
                max_nfev=100,
            ).x
        ),
    }
    report = {}
    for name, way in ways.items():
        cpu = cpu_s()
        misses = problem.misses_px(way())
        report[name] = {
            "cpu_s": round(cpu_s() - cpu, 3),
            "reprojection_px": round(float(np.sqrt((misses**2).sum(axis=1).mean())), 3),
        }
    return report


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--real", type=Path, default=SENECA)
    parser.add_argument("--photos", type=int, default=24, help="rendered; 0 leaves them out")
    parser.add_argument("--width", type=int, default=640, help="of a rendered photo, pixels")
    parser.add_argument("--enlarge", type=int, default=1)
    parser.add_argument("--quality", choices=["quick", "full"], default="quick")
    parser.add_argument("--solvers", action="store_true")
    chosen = parser.parse_args()
    report: dict[str, Any] = {"quality": chosen.quality}
    if chosen.real.is_dir():
        start = cpu_s()
        intake = take_in(chosen.real)
        taking_in = (cpu_s() - start) / max(len(intake.photos), 1)
        report["real"], _ = measured(intake, chosen.quality)
        report["real"]["intake_cpu_s_per_photo"] = round(taking_in, 3)
        if chosen.solvers:
            with pictures_of(intake.source) as decode:
                shots, _ = shots_from_photos(intake.photos, pixels=straightened(decode))
                report["solvers"] = solvers(place_photos(shots), shots)
    if chosen.photos:
        report["rendered"] = rendered(chosen.photos, chosen.width, chosen.enlarge, chosen.quality)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
