"""Files that come through the web: kept piece by piece, under names of our own choosing.

From low to high:

* `labels`: a stranger's file name, made one that any disk can bear;
* `journal`: what of an upload is kept, line by line, so that a crash loses nothing acknowledged;
* `keeping`: an upload begun, a piece taken, the whole finished, the old thrown away.
"""
