"""Land whose truth is known: an orchard, a paddy, a commune made by a seed, to be photographed.

* `land`: the value: heights, reflectance, trees, gaps, the sick patch, zones, on one raster;
* `spectra`: what leaves, soil and water reflect in each band;
* `texture`: noise that looks like land;
* `orchard`, `paddy`: the two kinds of land;
* `commune`: thousands of small fields, and as much of their ground as wanted;
* `bearing`: what the trees bear, season by season;
* `light`: the sun, the sky and the shadows they leave.
"""

from sitl.scene.bearing import Borne, bear
from sitl.scene.commune import Commune, commune
from sitl.scene.land import Gap, Scene, Tree
from sitl.scene.light import Daylight
from sitl.scene.orchard import orchard, stressed
from sitl.scene.paddy import paddy

__all__ = ["Borne", "Commune", "Daylight", "Gap", "Scene", "Tree", "bear", "commune", "orchard",
           "paddy", "stressed"]  # fmt: skip
