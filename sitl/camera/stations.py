"""Where a flight takes its pictures: along survey lines, or as a flight's record tells.

Theory of operation
-------------------
A station is the truth of one picture: place, height above the scene's zero, and the attitude of
what carries the camera (yaw, pitch nose up, roll right side down). What the photo's file tells of
it may be less, and wrong by the receiver's error; that is decided when it is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.geo import LocalFrame
from agri.track import Photo
from sitl.camera.lens import SceneCamera
from sitl.scene.land import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Where and how one picture is taken.

    Parameters
    ----------
    east_m, north_m : float
        In the scene's frame.
    height_m : float
        Of the lens above the frame's zero.
    yaw_deg, pitch_deg, roll_deg : float
        Of the camera's carrier; with all zero it looks straight down, north at the upper edge.
    """

    east_m: float
    north_m: float
    height_m: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0

    def axes(self) -> NDArray[np.float64]:
        """Return the camera's axes as rows in east, north, up: right, down in the picture, view.

        Yaw, pitch and roll are the aerospace sequence z-y′-x″ from north–east–down to the body; the
        picture's upper edge faces forward, the lens along the body's belly.
        """
        yaw, pitch, roll = np.radians([self.yaw_deg, self.pitch_deg, self.roll_deg])
        about_z = _turn(yaw, 0, 1)
        about_y = _turn(-pitch, 0, 2)
        about_x = _turn(roll, 1, 2)
        body = about_z @ about_y @ about_x  # columns: forward, right, belly in north, east, down
        forward, right, belly = (_east_north_up(body[:, k]) for k in range(3))
        return np.array([right, -forward, belly])


def _turn(angle_rad: float, first: int, second: int) -> NDArray[np.float64]:
    """Return a turn in the plane of two axes, from the first towards the second."""
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = math.cos(angle_rad)
    matrix[second, first], matrix[first, second] = math.sin(angle_rad), -math.sin(angle_rad)
    return matrix


def _east_north_up(north_east_down: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([north_east_down[1], north_east_down[0], -north_east_down[2]])


def stations_over(
    scene: Scene,
    camera: SceneCamera,
    *,
    height_m: float,
    front_overlap: float = 0.8,
    side_overlap: float = 0.7,
    yaw_deg: float = 0.0,
    margin_m: float = 0.0,
    tilt_deg: float = 1.5,
    seed: int = 1,
) -> tuple[Station, ...]:
    """Return the stations of a survey flown there and back over a scene.

    Parameters
    ----------
    scene, camera
        What is flown over with what.
    height_m : float
        Above the scene's mean ground.
    front_overlap, side_overlap : float
        Shares.
    yaw_deg : float
        Of the lines.
    margin_m : float
        How far the stations stay within the scene's border.
    tilt_deg : float
        Standard deviation of pitch and roll, and of the heading; wind moves the aircraft by as
        many hundredths of the height.
    seed : int
        Of that.
    """
    rng = np.random.default_rng(seed)
    gsd = camera.gsd_m(height_m)
    along_m = gsd * camera.height_px * (1.0 - front_overlap)
    across_m = gsd * camera.width_px * (1.0 - side_overlap)
    turn = math.radians(yaw_deg)
    ahead = np.array([math.sin(turn), math.cos(turn)])
    aside = np.array([math.cos(turn), -math.sin(turn)])
    half = np.array(scene.half_m) - margin_m
    reach = float(np.hypot(*half))
    zero = float(scene.ground_m.mean())
    stations = []
    lines = np.arange(-math.floor(reach / across_m), math.floor(reach / across_m) + 1)
    for number, line in enumerate(lines):
        steps = np.arange(-math.floor(reach / along_m), math.floor(reach / along_m) + 1)
        back = number % 2 == 1
        for step in steps[::-1] if back else steps:
            at = line * across_m * aside + step * along_m * ahead
            if (np.abs(at) > half).any():
                continue
            moved = rng.normal(0.0, tilt_deg / 100.0 * height_m, 3)
            turned = rng.normal(0.0, tilt_deg, 3) if tilt_deg else np.zeros(3)
            stations.append(
                Station(
                    east_m=float(at[0] + moved[0]),
                    north_m=float(at[1] + moved[1]),
                    height_m=float(zero + height_m + 0.5 * moved[2]),
                    yaw_deg=float((yaw_deg + 180.0 * back + turned[0]) % 360.0),
                    pitch_deg=float(turned[1]),
                    roll_deg=0.0 if camera.gimbal else float(turned[2]),
                )
            )
    return tuple(stations)


def stations_taken(
    photos: Sequence[Photo], frame: LocalFrame, *, home_height_m: float = 0.0
) -> tuple[Station, ...]:
    """Return the stations of a flown survey's pictures, looking straight down.

    Parameters
    ----------
    photos : sequence of agri.track.Photo
        As the flight's record keeps them.
    frame : LocalFrame
        The scene's.
    home_height_m : float
        Of the take-off place above the scene's zero.
    """
    stations = []
    for photo in photos:
        east, north = frame.metres(photo.place)
        stations.append(
            Station(
                east_m=east,
                north_m=north,
                height_m=home_height_m + photo.height_m,
                yaw_deg=photo.yaw_deg,
            )
        )
    return tuple(stations)
