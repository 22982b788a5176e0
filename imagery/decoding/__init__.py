"""What runs in the separate process that opens strangers' photos: bytes in, plain values out.

What opens orthomosaics is loaded when one is asked for; nothing else here imports GDAL, geometry or
anything else of the house, so that the process starts quickly and stays small:

* `headers`: what a file is by its first bytes, and how large its image claims to be, before
  anything is decoded;
* `xmp`: the XMP packet of a photo as a mapping of names to texts;
* `tags`: EXIF and GPS tags of JPEG (exifread) and TIFF (tifffile) as a mapping of names to values;
* `pixels`: the decoded image, how sharp it is, and how much of it is too bright or too dark;
* `maps`: an orthomosaic tried, before the house itself opens it;
* `confinement`: what the process may no longer do once it has started;
* `process`: the process itself, one line in, one line out.

`imagery.intake` starts the process and makes sense of what it says.
"""
