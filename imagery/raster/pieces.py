"""A raster in pieces: the index that makes one raster of them, as GDAL reads it.

Theory of operation
-------------------
A raster too large for one file is a folder of cloud-optimised GeoTIFFs and an index beside it: a
GDAL virtual raster (``.vrt``), which QGIS and every program on GDAL open as one map, at any zoom
(its overviews are those of the pieces). The index carries what a single file would: names, scales,
statistics, formulas, input and hashes.

It is read again only through `imagery.raster.index`, which believes nothing but this form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from imagery.raster.labels import Plan, band_tags, plain_text
from imagery.raster.tiff import TILE, level_shapes
from imagery.raster.tiles import NONE, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A piece in the whole raster.

    Parameters
    ----------
    name : str
        File name.
    column, row, width, height : int
        Its pixels.
    """

    name: str
    column: int
    row: int
    width: int
    height: int


def index_text(
    plan: Plan,
    places: Sequence[Place],
    folder: str,
    *,
    tallies: Sequence[Tally],
    more_tags: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the index of pieces, as a GDAL virtual raster.

    Parameters
    ----------
    plan : Plan
        The whole raster.
    places : sequence of Place
        Its pieces.
    folder : str
        Name of the folder beside the index that holds them.
    tallies : sequence of Tally
        What was counted, one for each band.
    more_tags : sequence of (str, str)
        What the raster tells of itself beside `Plan.tags`.
    """
    whole = plan.encoding.kind == "int16"
    kind = "Int16" if whole else "Float32"
    a, b, c, d, e, f = (float(value) for value in plan.affine)
    block = f'blockXSize="{TILE}" blockYSize="{TILE}"'
    parts = [
        f'<VRTDataset rasterXSize="{plan.width}" rasterYSize="{plan.height}">',
        f"  <SRS>EPSG:{plan.epsg}</SRS>",
        f"  <GeoTransform>{c!r}, {a!r}, {b!r}, {f!r}, {d!r}, {e!r}</GeoTransform>",
        *_metadata((*plan.tags, *more_tags), "  "),
    ]
    for number, (layer, sums) in enumerate(zip(plan.layers, tallies, strict=True), 1):
        parts += [
            f'  <VRTRasterBand dataType="{kind}" band="{number}" {block}>',
            *_metadata(band_tags(plan, layer, sums), "    "),
            f"    <Description>{escape(plain_text(layer.name))}</Description>",
            f"    <NoDataValue>{NONE if whole else 'nan'}</NoDataValue>",
        ]
        if whole:
            parts.append(f"    <Offset>0</Offset><Scale>{layer.scale!r}</Scale>")
        parts += [_source(place, folder, number, kind) for place in places]
        parts.append("  </VRTRasterBand>")
    coarser = [2**step for step in range(1, len(level_shapes(plan.width, plan.height)))]
    if coarser:
        told_too = " ".join(map(str, coarser))
        parts.append(f'  <OverviewList resampling="average">{told_too}</OverviewList>')
    return "\n".join([*parts, "</VRTDataset>", ""])


def _metadata(tags: Iterable[tuple[str, str]], indent: str) -> list[str]:
    items = [
        f"{indent}  <MDI key={quoteattr(key)}>{escape(plain_text(value))}</MDI>"
        for key, value in tags
    ]
    return [f"{indent}<Metadata>", *items, f"{indent}</Metadata>"] if items else []


def _source(place: Place, folder: str, band: int, kind: str) -> str:
    size = f'xSize="{place.width}" ySize="{place.height}"'
    return (
        "    <SimpleSource>"
        f'<SourceFilename relativeToVRT="1">{escape(folder)}/{place.name}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>"
        f'<SourceProperties RasterXSize="{place.width}" RasterYSize="{place.height}" '
        f'DataType="{kind}" BlockXSize="{TILE}" BlockYSize="{TILE}"/>'
        f'<SrcRect xOff="0" yOff="0" {size}/>'
        f'<DstRect xOff="{place.column}" yOff="{place.row}" {size}/></SimpleSource>'
    )
