"""Intake: strangers' photos and orthomosaics, taken in safely and told as values.

From low to high:

* `replies`: what a confined process says, checked; `readers`: these processes, which open photos
  (what runs in them is `imagery.decoding`);
* `told`: what a photo told, asked by name;
* `moments`: when and where it was taken; `optics`: exposure, vignette, lens; `lights`: light
  sensor and panel;
* `photos`: all of it as `imagery.photo.Photo`;
* `guard`: which files are looked at, judged by content and header; `archive`: a zip of them;
* `captures`: files of one moment, and those that show the panel;
* `heights`: how high above the ground each was taken, and who says so;
* `quality`: blur, exposure, missing bands; `coverage`: gaps, another field, what photos see;
* `orthomosaic`: who made a finished one, what its layers are, what its values mean;
* `intake`: the whole way from a path to captures and findings.
"""

from imagery.intake.captures import Capture
from imagery.intake.heights import GroundTold
from imagery.intake.intake import Intake, take_in
from imagery.intake.orthomosaic import Orthomosaic, take_ortho
from imagery.intake.photos import Seen
from imagery.intake.readers import counts_of, pictures_of

__all__ = [
    "Capture",
    "GroundTold",
    "Intake",
    "Orthomosaic",
    "Seen",
    "counts_of",
    "pictures_of",
    "take_in",
    "take_ortho",
]
