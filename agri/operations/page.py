"""The self-contained page (HTML) that every plan and flight leaves beside its numbers.

One file that opens on a phone without a network: Leaflet, style, script and map layers are inside
it, and its content policy forbids it to load anything else. Names from strangers' files are
escaped by Jinja2 and reach the map only as text.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import shapely

from agri.findings import Finding, Severity
from agri.operations.layers import Layer
from agri.words import Language, say

LEAFLET = "web/static/vendor/leaflet-1.9.4"
STATE_SYMBOL = {"ok": "✓", "look": "⚠", "stop": "✕"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the page: title, column heads and rows of text."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture in a page: its name, the PNG, and the page beside it that tells more."""

    name: str
    png: bytes
    link: str


def _lines(findings: Sequence[Finding], language: Language) -> list[tuple[str, str, str]]:
    return [(f.severity.name.lower(), f.symbol, f.text(language)) for f in findings]


@cache
def _file(name: str) -> str:
    return resources.files("agri").joinpath(name).read_text("utf-8")


@cache
def _leaflet_css() -> str:
    """Leaflet's style without the icons that agri does not use: nothing is left to load."""
    return re.sub(r"url\([^)]*\)", "none", _file(f"{LEAFLET}/leaflet.css"))


def _layers_json(layers: Sequence[Layer]) -> str:
    drawn = [
        {
            "geometry": json.loads(
                shapely.to_geojson(shapely.set_precision(layer.geometry, 1e-7, mode="pointwise"))
            ),
            "colour": layer.colour,
            "label": layer.label,
            "fill": layer.fill,
            "width": layer.width,
            "dash": list(layer.dash),
            "radius": layer.radius,
        }
        for layer in layers
    ]
    return json.dumps(drawn, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _legend(layers: Sequence[Layer], language: Language) -> list[dict[str, object]]:
    shapes = {"Point": "point", "MultiPoint": "point", "Polygon": "area", "MultiPolygon": "area"}
    entries = {
        layer.key: {
            "name": say(layer.key, language),
            "shape": shapes.get(layer.geometry.geom_type, "line"),
            "colour": layer.colour,
            "inside": layer.colour if layer.fill else "#fff",
            "fill": layer.fill,
            "width": layer.width,
            "dash": " ".join(f"{d:g}" for d in layer.dash),
            "radius": min(layer.radius, 7.0),
        }
        for layer in layers
    }
    return list(entries.values())


def state_of(findings: Sequence[Finding]) -> str:
    """Return the traffic light of findings: ``stop``, ``look`` or ``ok``."""
    worst = max((finding.severity for finding in findings), default=Severity.INFO)
    return {Severity.INFO: "ok", Severity.WARNING: "look", Severity.ERROR: "stop"}[worst]


def render_page(
    layers: Sequence[Layer],
    *,
    kind: str,
    title: str,
    state: str,
    state_text: str,
    facts: Sequence[tuple[str, str]],
    findings: Sequence[Finding],
    tables: Sequence[Table] = (),
    pictures: Sequence[Shown] = (),
    language: Language,
) -> str:
    """Return the HTML page.

    Parameters
    ----------
    layers : sequence of Layer
        Map layers, lowest first.
    kind, title : str
        What the page is about, and of which plan or flight.
    state : {"ok", "look", "stop"}
        Traffic light.
    state_text : str
        The light in words.
    facts : sequence of (str, str)
        Label and value.
    findings : sequence of Finding
        Listed with the gravest first.
    tables : sequence of Table
        Folded below the map.
    pictures : sequence of Shown
        Pictures in the page, each with a link to a page beside it.
    language : {"vi", "en"}
        Language of the page.

    Returns
    -------
    str
        The page, whole.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(_file("operations/templates/page.html.j2"))
    gravest_first = sorted(findings, key=lambda f: -f.severity)
    return template.render(
        say=lambda key, **values: say(key, language, **values),
        language=language,
        kind=kind,
        title=title,
        state=state,
        state_symbol=STATE_SYMBOL[state],
        state_text=state_text,
        facts=facts,
        worries=_lines([f for f in gravest_first if f.severity > Severity.INFO], language),
        notes=_lines(
            [f for f in findings if f.severity is Severity.INFO and not f.passed], language
        ),
        passed=_lines([f for f in findings if f.passed], language),
        pictures=[(p.name, b64encode(p.png).decode("ascii"), p.link) for p in pictures],
        legend=_legend(layers, language),
        tables=tables,
        # our own files and JSON with "<" escaped: not text from strangers
        layers_json=Markup(_layers_json(layers)),  # noqa: S704
        leaflet_css=Markup(_leaflet_css()),  # noqa: S704
        leaflet_js=Markup(_file(f"{LEAFLET}/leaflet.js")),  # noqa: S704
        page_css=Markup(_file("operations/templates/page.css")),  # noqa: S704
        page_js=Markup(_file("operations/templates/page.js")),  # noqa: S704
    )
