"""agri: precision agriculture for the farmers of Đông Triều.

Five packages stand side by side: `agri`, `missions`, `imagery`, `models` and `sitl`. Four of those
names are plain words that a folder of notebooks may well use for itself, and Python would then
take the wrong one without a word. So the first import of agri looks where each name leads and
stops with the file that stands in the way.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__version__ = "0.1.0"

SIBLINGS = ("missions", "imagery", "models", "sitl")


def check_siblings(home: Path, names: tuple[str, ...] = SIBLINGS) -> None:
    """Check that each sibling package is the one that lies beside agri.

    Parameters
    ----------
    home : Path
        The folder that holds the five packages.
    names : tuple of str
        The siblings.

    Raises
    ------
    ImportError
        When another module of that name stands in front, naming its file.
    """
    for name in names:
        spec = find_spec(name)
        found = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if found != home / name:
            where = spec.origin if spec and spec.origin else "nowhere"
            message = (
                f"agri needs its own package '{name}' from {home / name}, but Python finds "
                f"{where}; rename that file or folder, or start Python in another folder."
            )
            raise ImportError(message)


check_siblings(Path(__file__).resolve().parent.parent)
