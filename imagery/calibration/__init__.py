"""Calibration: digital numbers → radiance → reflectance, and bands that lie on each other.

* `radiance`: what sensor, lens and exposure add is taken away;
* `sun`: where the sun stands;
* `light`: what a light sensor tells of the light from above;
* `light_series`: light over a whole flight, and when clouds came;
* `lens`: a lens's distortion undone;
* `certificate`: what a reflectance panel reflects, by wavelength;
* `panel`: the reflectance panel, found and read;
* `reflectance`: what a flight's reflectance stands on, and its application;
* `empirical`: a plain orthomosaic calibrated by targets in the field;
* `calibrated_ortho`: its reflectance written;
* `number_scale`: which number of a finished orthomosaic stands for a reflectance of 1;
* `squares`: how two pictures lie on each other, place by place;
* `alignment`: a capture's bands laid on one of them, with the error in pixels;
* `capture`: all of it for one capture;
* `flight`: a whole flight: panel photos read, captures made pictures one by one.

Rooms take values (`imagery.photo.Photo`, arrays) and return values; reading files is
`imagery.intake`. What could not be calibrated is a finding on every product.
"""
