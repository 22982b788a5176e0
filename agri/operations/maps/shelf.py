"""Where the products of imagery go.

In a farm they go into its folder ``maps`` and into its catalogue, so that every map traces to what
it was made from; without a farm into a folder that the user names, or the current one. A product is
named after its source and its kind, so the same job done twice replaces its own file and nothing
else; it is written under another name and renamed when it is whole (`agri.files`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agri.files import make_folder, write_bytes
from agri.names import slug
from agri.words import Language
from agri.workspace import Workspace

FOLDER = "maps"
STEM_LETTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A folder for products, of a farm or not.

    Parameters
    ----------
    folder : Path
        Made when the first product comes.
    language : {"vi", "en"}
        Of the words in pictures and tables.
    farm : Workspace, optional
        The open farm whose catalogue is told.
    """

    folder: Path
    language: Language
    farm: Workspace | None = None

    @classmethod
    def of(cls, out: Path | None, farm: Workspace | None, language: Language) -> Shelf:
        """Return the shelf a user asked for: the folder named, else the farm's, else this one."""
        if out is None:
            out = farm.folder / FOLDER if farm is not None else Path.cwd()
        return cls(folder=out, farm=farm, language=language)

    def place(self, source: str, kind: str, suffix: str) -> Path:
        """Return the path of a product, its folder made.

        Parameters
        ----------
        source : str
            Name of what it is made from; a file's name goes without its last suffix.
        kind : str
            What it shows, ASCII.
        suffix : str
            With its dot.
        """
        stem = slug(Path(source).stem)[:STEM_LETTERS].strip("-")
        return make_folder(self.folder) / f"{stem}-{kind}{suffix}"

    def keep_picture(self, source: str, kind: str, png: bytes) -> Path:
        """Write a quick look and return its path."""
        path = self.place(source, kind, ".png")
        write_bytes(path, png)
        return path
