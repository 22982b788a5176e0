"""What a photo told, asked by name: one place where "not told" is kept apart from zero.

Theory of operation
-------------------
Makers put the same word into different namespaces, so XMP is asked by the plain name, or by
``prefix:name`` where two makers mean different things by it. A number that is not there, not
finite or not a number is None; nothing here makes one up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imagery.decoding.xmp import numbers
from imagery.intake.replies import Answer


@dataclass(frozen=True, slots=True)
class Told:
    """A photo's EXIF and XMP.

    Parameters
    ----------
    tags : mapping of str to str or tuple of float
        EXIF's names.
    xmp : mapping of str to tuple of str
        ``prefix:name`` and plain ``name`` both.

    Examples
    --------
    >>> told = Told.by(Answer(tags={"Make": "DJI"}, xmp={"Camera:BandName": ("NIR",)}))
    >>> told.text("Make"), told.words("BandName"), told.number("CentralWavelength")
    ('DJI', ('NIR',), None)
    """

    tags: Mapping[str, str | tuple[float, ...]]
    xmp: Mapping[str, tuple[str, ...]]

    @classmethod
    def by(cls, answer: Answer) -> Told:
        """Build from a reader's answer."""
        xmp = dict(answer.xmp)
        for name, texts in answer.xmp.items():
            xmp.setdefault(name.rpartition(":")[2], texts)
        return cls(answer.tags, xmp)

    def text(self, name: str) -> str:
        """Return an EXIF text, "" when it is not told."""
        value = self.tags.get(name, "")
        return value if isinstance(value, str) else ""

    def values(self, name: str) -> tuple[float, ...]:
        """Return an EXIF tag's numbers, () when it is not told."""
        value = self.tags.get(name, ())
        return () if isinstance(value, str) else value

    def value(self, *names: str) -> float | None:
        """Return the first number of the first of these EXIF tags that is told."""
        return next((values[0] for name in names if (values := self.values(name))), None)

    def words(self, *names: str) -> tuple[str, ...]:
        """Return the texts of the first of these XMP names that is told."""
        return next((texts for name in names if (texts := self.xmp.get(name))), ())

    def word(self, *names: str) -> str:
        """Return the first text of the first of these XMP names that is told, else ""."""
        return next(iter(self.words(*names)), "")

    def numbers(self, *names: str) -> tuple[float, ...]:
        """Return the numbers of the first of these XMP names that is told."""
        return numbers(self.words(*names))

    def number(self, *names: str) -> float | None:
        """Return the first number of the first of these XMP names that is told."""
        return next(iter(self.numbers(*names)), None)
