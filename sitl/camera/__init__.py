"""A camera over a scene: the photos that a flown survey would bring home, EXIF and XMP included.

* `lens`: the cameras: size, focal length, distortion, vignette, black level, noise;
* `stations`: where a flight takes its pictures;
* `rendering`: what the lens sees of a scene, ray by ray;
* `sensor`: light to counts, as the maker's calibration undoes it;
* `exif`: EXIF's own form of bytes, for TIFF and JPEG;
* `packets`: what XMP tells beside it;
* `flight`: a whole flight photographed into a folder, panel pictures too.
"""

from sitl.camera.flight import Taken, photograph, photograph_panel
from sitl.camera.lens import COLOUR, MULTISPECTRAL, SceneCamera
from sitl.camera.stations import Station, stations_over, stations_taken

__all__ = [
    "COLOUR",
    "MULTISPECTRAL",
    "SceneCamera",
    "Station",
    "Taken",
    "photograph",
    "photograph_panel",
    "stations_over",
    "stations_taken",
]
