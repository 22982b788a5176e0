"""One product as a STAC item: a value, its JSON, and back.

Theory of operation. STAC 1.1 (stacspec.org) says where a product lies, when it was seen, which
files it has. Its extensions say the rest in words that other programs know: `proj` (CRS, transform,
size), `eo` and `raster` (bands: wavelengths, scale, offset), `file` (size and SHA-256, as a
multihash: 0x12 0x20 and the digest), `processing` (which program made it). Flight, panel and
calibration have no common word and stand under ``agri:``. Every source is a ``derived_from`` link
to another item, so that a product can be followed to the photos it was made of.

Links and files are told relative to the item, with forward slashes: the folder can be copied to
another machine or opened from a stick. The same value gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping, shape

from agri.errors import BadInput
from imagery.bands import Band, Role
from imagery.extras import extra

Kind = Literal["photos", "orthomosaic", "surface", "index", "trees", "zones", "change", "other"]
KINDS: tuple[Kind, ...] = (
    "photos", "orthomosaic", "surface", "index", "trees", "zones", "change", "other",
)  # fmt: skip
EXTENSIONS = {
    "proj": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "eo": "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "processing": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
}
COMMON_NAMES = {
    Role.A: "coastal", Role.B: "blue", Role.G: "green", Role.Y: "yellow", Role.R: "red",
    Role.RE1: "rededge071", Role.RE2: "rededge075", Role.RE3: "rededge078", Role.N: "nir",
    Role.N2: "nir08", Role.PAN: "pan", Role.T: "lwir",
}  # fmt: skip
"""Names of the eo extension; roles it has no word for are left out."""
MEDIA = {
    ".tif": "image/tiff; application=geotiff", ".tiff": "image/tiff; application=geotiff",
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".dng": "image/x-adobe-dng",
    ".gpkg": "application/geopackage+sqlite3", ".geojson": "application/geo+json",
    ".json": "application/json", ".csv": "text/csv", ".html": "text/html",
    ".vrt": "application/xml", ".parquet": "application/vnd.apache.parquet",
    ".zip": "application/zip",
}  # fmt: skip
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One band of a raster product.

    Parameters
    ----------
    band : Band
        Its name and wavelength; an index has its own name.
    dtype : str
        Kind of number as stored: "int16".
    scale, offset : float
        value = stored · scale + offset.
    nodata : float or None
        Stored value that means none.
    unit : str
        Of the value.
    """

    band: Band
    dtype: str
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterPlace:
    """Where a raster's pixels lie: `epsg`, `affine` as in `Grid`, (rows, columns)."""

    epsg: int
    affine: tuple[float, float, float, float, float, float]
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file of a product: name relative to the farm's folder, size and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What the catalogue keeps of a set of photos, an orthomosaic, an index, a list of trees…

    Parameters
    ----------
    name : str
        Small letters, digits, - and _; unique in the farm.
    kind : Kind
    footprint : shapely.Polygon or MultiPolygon
        WGS 84 degrees.
    start, end : datetime
        When it was seen, aware of its time zone; the same for one moment.
    files : tuple of FileFacts
        At least one.
    sources : tuple of str
        Names of the products it was made of.
    layers : tuple of Layer
        For rasters.
    place : RasterPlace, optional
        For rasters.
    gsd_m : float, optional
        Size of a pixel on the ground.
    flight, panel, calibration, formula, software : str
        Where it comes from; "" where there is none or nobody knows.
    facts : mapping of str to str or float
        Anything else worth keeping: residuals, counts, accuracy.

    Raises
    ------
    BadInput
        When a part is missing or not as said.
    """

    name: str
    kind: Kind
    footprint: Polygon | MultiPolygon
    start: datetime
    end: datetime
    files: tuple[FileFacts, ...]
    sources: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    place: RasterPlace | None = None
    gsd_m: float | None = None
    flight: str = ""
    panel: str = ""
    calibration: str = ""
    formula: str = ""
    software: str = ""
    facts: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        aware = self.start.tzinfo is not None and self.end.tzinfo is not None
        wrong = [
            what
            for what, right in (
                ("name", NAME.fullmatch(self.name) is not None),
                ("kind", self.kind in KINDS),
                ("footprint", self.footprint.is_valid and not self.footprint.is_empty),
                ("time", aware and self.start <= self.end),
                ("files", len(self.files) > 0),
                ("sources", self.name not in self.sources),
            )
            if not right
        ]
        if wrong:
            raise BadInput("error.product_value", name=self.name[:80], what=", ".join(wrong))


def item_of(product: Product, *, up: str) -> dict[str, Any]:
    """Return a product as STAC item.

    Parameters
    ----------
    product : Product
    up : str
        Way from the item's folder to the farm's, as ``"../.."``.

    Returns
    -------
    dict
        Ready for JSON; links to items assume ``<name>/<name>.json`` beside one another.
    """
    pystac = extra("pystac")
    single = product.start == product.end
    item = pystac.Item(
        id=product.name,
        geometry=mapping(shapely.transform(product.footprint, lambda at: at.round(9))),
        bbox=[round(value, 9) for value in product.footprint.bounds],
        datetime=product.start.astimezone(UTC),
        start_datetime=None if single else product.start.astimezone(UTC),
        end_datetime=None if single else product.end.astimezone(UTC),
        properties=_properties(product),
        stac_extensions=_extensions(product),
        assets={
            f"file{number:05d}" if number else "data": pystac.Asset(
                href=f"{up}/{file.name}",
                media_type=MEDIA.get("." + file.name.rpartition(".")[2].lower()),
                roles=["data"],
                extra_fields=_asset(product, number),
            )
            for number, file in enumerate(product.files)
        },
    )
    body: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    body["links"] = [
        {"rel": "root", "href": "../catalog.json", "type": "application/json"},
        {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
        *(
            {
                "rel": "derived_from",
                "href": f"../{name}/{name}.json",
                "type": "application/geo+json",
            }
            for name in product.sources
        ),
    ]
    return body


def _extensions(product: Product) -> list[str]:
    used = ["file", "processing"] if product.software else ["file"]
    used += ["proj"] if product.place else []
    used += ["eo", "raster"] if product.layers else []
    return sorted(EXTENSIONS[name] for name in used)


def _properties(product: Product) -> dict[str, Any]:
    told: dict[str, Any] = {"agri:kind": product.kind}
    for name in ("flight", "panel", "calibration", "formula"):
        if text := getattr(product, name):
            told[f"agri:{name}"] = text
    if product.facts:
        told["agri:facts"] = dict(sorted(product.facts.items()))
    if product.software:
        name, _, version = product.software.partition(" ")
        told["processing:software"] = {name: version}
    if product.gsd_m:
        told["gsd"] = product.gsd_m
    if product.place:
        told["proj:code"] = f"EPSG:{product.place.epsg}"
        told["proj:transform"] = list(product.place.affine)
        told["proj:shape"] = list(product.place.shape)
    return told


def _asset(product: Product, number: int) -> dict[str, Any]:
    """Return what is told of one file; bands are those of the first."""
    file = product.files[number]
    told: dict[str, Any] = {"file:size": file.size, "file:checksum": f"1220{file.sha256}"}
    if product.layers and not number:
        told["bands"] = [_band(layer) for layer in product.layers]
    return told


def _band(layer: Layer) -> dict[str, Any]:
    told: dict[str, Any] = {"name": layer.band.name, "data_type": layer.dtype}
    if layer.nodata is not None:
        told["nodata"] = "nan" if layer.nodata != layer.nodata else layer.nodata
    if layer.unit:
        told["unit"] = layer.unit
    if layer.band.role in COMMON_NAMES:
        told["eo:common_name"] = COMMON_NAMES[layer.band.role]
    if layer.band.role is not None:
        told["agri:role"] = layer.band.role.value
    if layer.band.centre_nm is not None:
        told["eo:center_wavelength"] = round(layer.band.centre_nm / 1000.0, 6)
    if layer.band.fwhm_nm is not None:
        told["eo:full_width_half_max"] = round(layer.band.fwhm_nm / 1000.0, 6)
    told["raster:scale"], told["raster:offset"] = layer.scale, layer.offset
    return told


def product_from(body: Mapping[str, Any], *, up: str) -> Product:
    """Return the product of a STAC item that `item_of` wrote.

    Raises
    ------
    BadInput
        When the item is not one of those.
    """
    try:
        told = body["properties"]
        place = None
        if "proj:code" in told:
            rows, columns = told["proj:shape"]
            a, b, c, d, e, f = (float(value) for value in told["proj:transform"])
            epsg, size = int(told["proj:code"].removeprefix("EPSG:")), (int(rows), int(columns))
            place = RasterPlace(epsg=epsg, affine=(a, b, c, d, e, f), shape=size)
        single = datetime.fromisoformat(told["datetime"])
        outline: Any = shape(body["geometry"])
        start, end = (
            datetime.fromisoformat(told[key]) if key in told else single
            for key in ("start_datetime", "end_datetime")
        )
        software = [" ".join(pair) for pair in told.get("processing:software", {}).items()]
        return Product(
            name=str(body["id"]), kind=told["agri:kind"], footprint=outline,
            start=start, end=end, place=place, gsd_m=told.get("gsd"),
            files=tuple(_file(asset, up) for _, asset in sorted(body["assets"].items())),
            sources=tuple(
                str(link["href"]).rpartition("/")[2].removesuffix(".json")
                for link in body["links"] if link["rel"] == "derived_from"
            ),
            layers=tuple(_layer(band) for band in body["assets"]["data"].get("bands", ())),
            flight=told.get("agri:flight", ""), panel=told.get("agri:panel", ""),
            calibration=told.get("agri:calibration", ""), formula=told.get("agri:formula", ""),
            software=software[0] if software else "", facts=told.get("agri:facts", {}),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError, shapely.errors.ShapelyError):
        raise BadInput("error.item_text", name=str(body.get("id", ""))[:80]) from None


def _file(asset: Mapping[str, Any], up: str) -> FileFacts:
    name = str(asset["href"]).removeprefix(f"{up}/")
    checksum = str(asset["file:checksum"])
    if not checksum.startswith("1220") or len(checksum) != 68:
        raise ValueError(checksum)
    return FileFacts(name=name, size=int(asset["file:size"]), sha256=checksum[4:])


def _layer(band: Mapping[str, Any]) -> Layer:
    centre, width = band.get("eo:center_wavelength"), band.get("eo:full_width_half_max")
    nodata = band.get("nodata")
    return Layer(
        band=Band(
            name=str(band["name"]),
            role=Role(band["agri:role"]) if "agri:role" in band else None,
            centre_nm=None if centre is None else round(float(centre) * 1000.0, 3),
            fwhm_nm=None if width is None else round(float(width) * 1000.0, 3),
        ),
        dtype=str(band["data_type"]), scale=float(band["raster:scale"]),
        offset=float(band["raster:offset"]), unit=str(band.get("unit", "")),
        nodata=None if nodata is None else float(nodata),
    )  # fmt: skip
