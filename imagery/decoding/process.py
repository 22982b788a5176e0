"""The process that opens strangers' photos: one line of JSON in, one line of JSON out.

Theory of operation
-------------------
Started as ``python -P -m imagery.decoding.process ROOT MEMORY SECONDS``. It loads its libraries,
says ``{"ready": …}``, binds itself (`imagery.decoding.confinement`) and then answers, for each
``{"path": …, "pixels": true}``,

* ``{"tags": …, "xmp": …, "measures": …}``, for ``{"path": …, "map": true}`` without measures once
  the map's header and a few windows have been read without harm, or
* ``{"shape": …, "dtype": …}`` and then the bytes of the image, for ``{"path": …, "counts": true}``
  (as stored) and ``{"path": …, "counts": true, "reduction": 4}`` (bands last, a fourth as wide), or
* ``{"refused": "damaged" | "memory" | "kind"}``.

A file that makes a library stumble, in whatever way, is refused and the next one is read; only a
crash of native code or a limit of the operating system ends the process, and the parent starts
another. Whatever libraries print goes nowhere.

The order matters: the network is left while there is one thread, libraries are loaded before the
memory limit and the hook come, and no stranger's byte is read before both.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from imagery.decoding import confinement, headers, pixels, tags


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return what one photo says, or why it was refused.

    Parameters
    ----------
    request : dict
        ``path`` : str, the photo; ``pixels`` : bool, whether to decode and measure it too;
        ``map`` : bool, whether it is a GeoTIFF to be tried.
    """
    try:
        if request.get("map"):
            from imagery.decoding.maps import try_map

            try_map(Path(request["path"]))
            return {"tags": {}, "xmp": {}}
        return _read(Path(request["path"]), bool(request.get("pixels", True)))
    except MemoryError:
        return {"refused": "memory"}
    except Exception as error:  # noqa: BLE001, RUF100 - a stranger's file may do anything
        return {"refused": "damaged", "because": type(error).__name__}


def _read(path: Path, with_pixels: bool) -> dict[str, Any]:
    with path.open("rb") as file:
        header = headers.read_header(file)
    if header.kind not in ("jpeg", "tiff"):
        return {"refused": "kind"}
    jpeg = header.kind == "jpeg"
    found, xmp = tags.read_jpeg(path) if jpeg else tags.read_tiff(path)
    told: dict[str, Any] = {"tags": found, "xmp": xmp}
    if with_pixels:
        plane = pixels.decode(path, jpeg=jpeg, pixels=header.width * header.height)
        if not jpeg and plane.shape != (header.height, header.width):
            raise pixels.Undecodable("another size than promised")
        measures = pixels.measured(plane, black=_black(found))
        told["measures"] = {
            name: getattr(measures, name)
            for name in ("sharpness", "bright_share", "median_level", "high_level")
        }
    return told


def _black(found: dict[str, tags.Value]) -> float:
    level = found.get("BlackLevel", ())
    return sum(level) / len(level) if isinstance(level, tuple) and level else 0.0


def _load() -> None:
    """Load every library that decoding may need, while files may still be opened."""
    import cv2
    import exifread  # noqa: F401
    import imagecodecs
    import numpy as np
    import tifffile
    from defusedxml import ElementTree  # noqa: F401

    cv2.setNumThreads(1)
    imagecodecs.deflate_encode(b"loaded now, for it is loaded when first used")
    _ = tifffile.TIFF.DECOMPRESSORS, np.nanpercentile(np.ones(3), 50.0)


def image(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return the form of an image and its numbers as stored, or why it was refused."""
    try:
        path = Path(request["path"])
        with path.open("rb") as file:
            header = headers.read_header(file)
        if header.kind not in ("jpeg", "tiff"):
            return {"refused": "kind"}, b""
        jpeg, reduction = header.kind == "jpeg", request.get("reduction")
        if reduction is None:
            stored = pixels.counts(path, jpeg=jpeg)
        else:
            stored = pixels.picture(path, jpeg=jpeg, reduction=int(reduction))
        return {"shape": stored.shape, "dtype": stored.dtype.str}, stored.tobytes()
    except MemoryError:
        return {"refused": "memory"}, b""
    except Exception:  # noqa: BLE001, RUF100 - a stranger's file may do anything
        return {"refused": "damaged"}, b""


def main() -> None:
    """Bind the process, then answer line by line until there is no more."""
    root, memory, seconds = sys.argv[1:4]
    replies = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    alone = confinement.leave_network()
    _load()
    confinement.limit(limit_bytes=int(memory))
    confinement.confine([root])
    _say(replies, {"ready": True, "without_network": alone})
    for line in sys.stdin:
        confinement.renew_time(int(seconds))
        request = json.loads(line)
        if request.get("counts"):
            _say(replies, *image(request))
        else:
            _say(replies, answer(request))


def _say(replies: BinaryIO, told: dict[str, Any], data: bytes = b"") -> None:
    replies.write(json.dumps(told).encode("ascii") + b"\n" + data)
    replies.flush()


if __name__ == "__main__":
    main()
