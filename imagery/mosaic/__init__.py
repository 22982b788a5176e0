"""An orthomosaic in minutes at the field's edge, from geotagged photos, with no network.

From a photo to the map:

* `shots`: a photo as a mosaic needs it; `from_photos`: the same from `imagery.photo.Photo`;
* `features`, `matching`, `tracks`: what can be found again, in which photos, and as one place;
* `layout`: where photos lie roughly, without a first guess;
* `block`, `adjustment`: cameras and tie points as one least-squares problem, and its solution;
* `ground`: the plane or terrain beneath; `exposure`: how bright photos are beside each other;
* `painting`: tile by tile onto a canvas (`imagery.raster.canvas`);
* `overlap`: how many placed photos see each place;
* `accuracy`: how well, and by what right that is said; `ground_control`: check points from a file;
* `making`: all of it in order;
* `survey_grade`: the photos handed to OpenDroneMap instead.
"""

from imagery.mosaic.accuracy import Accuracy, CheckPoint
from imagery.mosaic.from_photos import shots_from_photos, straightened
from imagery.mosaic.ground_control import read_check_points
from imagery.mosaic.making import Mosaic, MosaicSettings, make_mosaic, place_photos
from imagery.mosaic.shots import Shot
from imagery.mosaic.survey_grade import survey_grade_mosaic

__all__ = [
    "Accuracy",
    "CheckPoint",
    "Mosaic",
    "MosaicSettings",
    "Shot",
    "make_mosaic",
    "place_photos",
    "read_check_points",
    "shots_from_photos",
    "straightened",
    "survey_grade_mosaic",
]
