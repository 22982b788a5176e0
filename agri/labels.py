"""What the user read on a product's label: the only place doses and waiting days come from.

Theory of operation. No table of doses or pre-harvest intervals comes with agri: none was found that
could be checked, and a label changes from year to year. So who holds the bottle enters what stands
on it, with name and day, and a `Label` carries that and no more. What is not entered is None, which
is never taken for 0: without an interval nothing is said to be safe.

Decisions. A label may tell a range of doses; the high end is never passed. Insecticides and
acaricides are taken to harm bees whatever is entered; another product does when its label says so.
Crops and targets are compared without case or accents, so "Sương mai" and "suong mai" are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from agri.crop import CropCard, CropKind
from agri.errors import BadInput
from agri.names import fold

CROP_NAMES = {
    CropKind.LYCHEE: ("lychee", "litchi", "vai", "cay vai"),
    CropKind.CUSTARD_APPLE: ("custard apple", "custard_apple", "na", "cay na", "mang cau"),
    CropKind.RICE: ("rice", "lua", "cay lua"),
    CropKind.VEGETABLE: ("vegetable", "vegetables", "rau", "rau mau"),
}
"""How labels call the crops, folded."""


class ProductKind(StrEnum):
    """What a product is for."""

    FUNGICIDE = "fungicide"
    INSECTICIDE = "insecticide"
    ACARICIDE = "acaricide"
    HERBICIDE = "herbicide"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A product's label as the user entered it.

    Parameters
    ----------
    product : str
        Name on the label.
    kind : ProductKind
        What it is for.
    crops, targets : tuple of str
        As on the label; neither empty.
    dose_low, dose_high : float or None
        Range of the dose in `unit`; None when not entered.
    unit : str
        Such as "ml/l" or "g/ha".
    phi_days : int or None
        Pre-harvest interval, 0 to 365; None when not entered.
    interval_days : int or None
        Least days between two uses.
    most_uses : int or None
        Uses allowed in a season.
    rain_free_h : float or None
        Hours without rain it needs after spraying.
    bees : bool
        Whether the label warns of bees.
    read_by : str
        Who read it; not empty.
    read_on : date
        When.
    registration : str
        Number in the list of permitted products, "" when not entered.

    Raises
    ------
    BadInput
        When something is missing or cannot be; the sentence names the product.

    Examples
    --------
    >>> one = Label(product="Thuốc A", kind=ProductKind.INSECTICIDE, crops=("vải",),
    ...             targets=("sâu đục cuống",), dose_low=0.5, dose_high=0.8, unit="ml/l",
    ...             phi_days=14, read_by="Hoa", read_on=date(2027, 3, 1))
    >>> one.is_for(("borer", "sau duc cuong")), one.harms_bees
    (True, True)
    """

    product: str
    kind: ProductKind
    crops: tuple[str, ...]
    targets: tuple[str, ...]
    dose_low: float | None = None
    dose_high: float | None = None
    unit: str = ""
    phi_days: int | None = None
    interval_days: int | None = None
    most_uses: int | None = None
    rain_free_h: float | None = None
    bees: bool = False
    read_by: str
    read_on: date
    registration: str = ""

    def __post_init__(self) -> None:
        told = {"product": self.product, "read_by": self.read_by, "crops": " ".join(self.crops),
                "targets": " ".join(self.targets)}  # fmt: skip
        for name, text in told.items():
            if not text.strip():
                self._refuse(name)
        for name, value, least, most in (
            ("phi_days", self.phi_days, 0, 365),
            ("interval_days", self.interval_days, 0, 365),
            ("most_uses", self.most_uses, 1, 50),
            ("rain_free_h", self.rain_free_h, 0, 72),
        ):
            if value is not None and not least <= value <= most:
                self._refuse(name)
        self._check_dose()

    def _check_dose(self) -> None:
        low, high = self.dose_low, self.dose_high
        if low is None and high is None:
            return
        if low is None or high is None or not 0.0 < low <= high <= 1e6 or not self.unit.strip():
            self._refuse("dose_low, dose_high, unit")

    def _refuse(self, field: str) -> None:
        raise BadInput("error.label", product=self.product.strip() or "?", field=field)

    @property
    def harms_bees(self) -> bool:
        """Whether it must not be sprayed on flowers in bloom."""
        return self.bees or self.kind in (ProductKind.INSECTICIDE, ProductKind.ACARICIDE)

    def is_on(self, card: CropCard) -> bool:
        """Return whether the crop stands on the label."""
        known = {*CROP_NAMES[card.kind], fold(card.id), fold(card.name_vi), fold(card.name_en)}
        return any(fold(crop) in known for crop in self.crops)

    def is_for(self, names: Iterable[str]) -> bool:
        """Return whether one of these names of a pest or disease stands on the label."""
        known = {fold(name) for name in names}
        return any(fold(target) in known for target in self.targets)
