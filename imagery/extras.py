"""Libraries of the extra “imagery”: one sentence when they are missing, never a traceback.

Whoever plans and flies does not need OpenCV or scikit-image, so they are extras. A room that needs
one asks for it by `extra` inside the function that uses it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from agri.errors import BadInput

PACKAGES = {"cv2": "OpenCV", "skimage": "scikit-image", "pystac": "pystac"}
"""What the libraries call themselves, where it is not the name of the module."""


def extra(module: str, *, extra: str = "imagery") -> Any:
    """Return a module of an extra.

    Parameters
    ----------
    module : str
        Its full name: ``"skimage.segmentation"``.
    extra : str
        The extra that brings it.

    Raises
    ------
    BadInput
        When it is not installed; the sentence tells how to install it.

    Examples
    --------
    >>> extra("math").pi
    3.141592653589793
    >>> extra("no_such_library")
    Traceback (most recent call last):
    ...
    agri.errors.BadInput: This needs no_such_library, which comes with the extra “imagery”: run
    pip install 'agri-dongtrieu[imagery]' and try again.
    """
    try:
        return import_module(module)
    except ImportError:
        name = module.split(".", maxsplit=1)[0]
        raise BadInput(
            "error.extra_missing", library=PACKAGES.get(name, name), extra=extra
        ) from None
