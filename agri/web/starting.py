"""What may be begun with a map or a field: forms, and the jobs they ask for.

Theory of operation. A form names a map of the catalogue, an upload or a field, never a path; what
is asked is read into `agri.jobs.Asked`, of each kind the choices that it knows and no others. The
job itself refuses what cannot be done, with the sentence of its operation.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.crop_cards import crop_card, crop_cards
from agri.errors import AgriError, BadInput
from agri.field import Field
from agri.jobs import Asked, Kind
from agri.operations.maps.indices import RasterWords, open_map
from agri.operations.maps.tiles import raster_of
from agri.operations.uploads.journal import read_upload
from agri.web.forms import number
from agri.web.jobs import asked
from agri.web.looking import field_of
from agri.web.pages import area, page
from agri.web.visit import Routes, Visit, visit_of
from agri.words import Message, say
from imagery import catalogue
from imagery.bands import Role
from imagery.indices.catalogue import index, offered
from imagery.masks import KINDS as MASKS
from imagery.raster import Ortho

USUAL = ("NDVI", "NDRE", "VARI", "GLI")
"""Indices that stand first; the first that a map allows is ticked beforehand."""
OF_MAPS = (Kind.INDEX, Kind.ZONAL, Kind.TREES, Kind.ZONES)
OF_UPLOADS = (Kind.PHOTOS, Kind.MOSAIC)
MOST_INDICES = 8
MOST_LAYERS = 20
LAYERS = {"blue": "page.layer_blue", "green": "page.layer_green", "red": "page.layer_red",
          "717 nm": "page.layer_717nm", "740 nm": "page.layer_740nm", "nir": "page.layer_nir",
          "alpha": "page.layer_alpha", "-": "page.layer_other"}  # fmt: skip
"""What a layer may be said to be, as `imagery.bands` reads it, and the word that a person reads."""
_SHOWN_AS = {Role.B: "blue", Role.G: "green", Role.R: "red", Role.RE1: "717 nm",
             Role.RE2: "740 nm", Role.N: "nir"}  # fmt: skip


# ------------------------------------------------------------------ pages


def map_work(request: Request, name: str) -> Response:
    """Show what may be begun with a map."""
    return _map_work(request, name)


def _map_work(request: Request, name: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    path = raster_of(visit.desk.farm.folder, name)
    product = catalogue.product(visit.desk.farm.folder, name)
    photo = product.kind == "orthomosaic"
    bands = _layers_said(request.query_params if request.method == "GET" else visit.form)
    ortho = open_map(path, RasterWords(bands=bands))[0] if photo else None
    found = [one.name for one in offered(ortho.bands)] if ortho is not None else []
    found = [*(one for one in USUAL if one in found), *(one for one in found if one not in USUAL)]
    farm, _ = visit.desk.farm.farm_with_findings()
    shown = [one for one in farm.fields if one.boundary.intersects(product.footprint)]
    return page(
        request,
        visit,
        "map_work",
        status=status,
        wrong=wrong,
        name=name,
        photo=photo,
        indices=[
            (one, say(f"page.index_{index(one).purpose}", visit.language), number == 0)
            for number, one in enumerate(found)
        ],
        fields=[(one.uid, one.name) for one in shown],
        told=visit.form,
        bands=", ".join(bands),
        layers=_layers_of(ortho) if ortho is not None else [],
        layer_words=[(word, say(key, visit.language)) for word, key in LAYERS.items()],
    )


def _layers_said(form: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a form says that the layers are, in their order; () when it says nothing."""
    told = [word.strip() for word in form.get("bands", "").split(",") if word.strip()]
    for place in range(1, MOST_LAYERS + 1):
        if f"layer_{place}" not in form:
            break
        told.append(form[f"layer_{place}"].strip())
    for word in told[:MOST_LAYERS]:
        if word not in LAYERS:
            raise BadInput("error.job_layers", told=word[:40], known=", ".join(LAYERS))
    return tuple(told[:MOST_LAYERS])


def _layers_of(ortho: Ortho) -> list[tuple[int, str]]:
    """Return each layer's number and what it counts as now."""
    found = []
    for place, band in enumerate(ortho.bands, 1):
        role = band.role if band is not None else None
        word = _SHOWN_AS.get(role, "-") if role is not None else "-"
        found.append((place, "alpha" if place == ortho.alpha else word))
    return found


def field_work(request: Request, uid: str) -> Response:
    """Show what may be begun with a field."""
    return _field_work(request, uid)


def _field_work(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    cards = [(card.id, card.name(visit.language)) for card in crop_cards()]
    return page(request, visit, "field_work", status=status, wrong=wrong, uid=uid, name=field.name,
                cards=cards, card=visit.form.get("crop", "") or _card(field.crop),
                size=area(field.area_m2, visit.language))  # fmt: skip


def _card(crop: str) -> str:
    """Return the card that a crop's name means, "" when it means none or several."""
    try:
        return crop_card(crop).id if crop else ""
    except AgriError:
        return ""


# ------------------------------------------------------------------ asking


def ask(request: Request) -> Response:
    """Put what a form asks into the queue."""
    visit = visit_of(request)
    field = visit.form.get("field", "")
    source = visit.form.get("source", "")
    try:
        kind = _kind(visit)
        job = asked(visit, _asked(visit, kind))
    except AgriError as error:
        wrong = error.text(visit.language)
        if visit.form.get("kind") in OF_MAPS and source:
            return _map_work(request, source, wrong=wrong, status=400)
        if field:
            return _field_work(request, field, wrong=wrong, status=400)
        raise
    return RedirectResponse(f"/jobs/{job.uid}", status_code=303)


def _kind(visit: Visit) -> Kind:
    try:
        return Kind(visit.form.get("kind", ""))
    except ValueError:
        raise BadInput("error.job_kind") from None


def _asked(visit: Visit, kind: Kind) -> Asked:
    """Return what a form asks, its source there and its choices known."""
    form, folder = visit.form, visit.desk.farm.folder
    source = form.get("source", "")
    if kind in OF_MAPS:
        raster_of(folder, source)
    elif kind in OF_UPLOADS:
        read_upload(folder, source)
    elif kind is Kind.FORECAST:
        source = ""
    else:
        raise BadInput("error.job_kind")
    field: Field | None = None
    if form.get("field"):
        field = field_of(visit.desk.farm, form["field"])
    options = _OPTIONS[kind](form) if kind in _OPTIONS else {}
    return Asked(kind=kind, source=source, field_uid=field.uid if field else "",
                 options=tuple(options.items()))  # fmt: skip


def _of_index(form: Mapping[str, str]) -> dict[str, str]:
    names = [name.removeprefix("index_") for name in form if name.startswith("index_")]
    chosen = [index(name).name for name in names]
    if not 0 < len(chosen) <= MOST_INDICES:
        raise BadInput("error.job_indices", most=MOST_INDICES)
    masks = [mask for mask in MASKS if form.get(f"mask_{mask}")]
    bands = _layers_said(form)
    return {
        "indices": ",".join(chosen),
        **({"masks": ",".join(masks)} if masks else {}),
        **({"bands": ",".join(bands)} if bands else {}),
    }


def _of_zonal(form: Mapping[str, str]) -> dict[str, str]:
    return {"sao": "yes"} if form.get("sao") else {}


def _of_trees(form: Mapping[str, str]) -> dict[str, str]:
    narrow_m, wide_m = (
        number(form, name, Message.of(f"page.job_{name.removesuffix('_m')}"), low=0.5, high=25.0)
        for name in ("crown_low_m", "crown_high_m")
    )
    if narrow_m >= wide_m:
        raise BadInput("error.crown_widths", narrow=narrow_m, wide=wide_m)
    return {"crown_low_m": str(narrow_m), "crown_high_m": str(wide_m)}


def _of_zones(form: Mapping[str, str]) -> dict[str, str]:
    if not form.get("field"):
        raise BadInput("error.job_zones_field")
    swath_m = number(form, "swath_m", Message.of("page.job_swath"), low=1.0, high=20.0)
    found = {"swath_m": str(swath_m)}
    if form.get("classes"):
        classes = number(form, "classes", Message.of("page.job_classes"), low=2, high=9)
        found["classes"] = str(int(classes))
    return found


def _of_forecast(form: Mapping[str, str]) -> dict[str, str]:
    crop = form.get("crop", "")
    if crop not in {card.id for card in crop_cards()}:
        raise BadInput("error.job_crop")
    return {"crop": crop}


def _of_mosaic(form: Mapping[str, str]) -> dict[str, str]:
    return {"quality": "full"} if form.get("quality") == "full" else {}


_OPTIONS = {
    Kind.INDEX: _of_index,
    Kind.ZONAL: _of_zonal,
    Kind.TREES: _of_trees,
    Kind.ZONES: _of_zones,
    Kind.MOSAIC: _of_mosaic,
    Kind.FORECAST: _of_forecast,
}

ROUTES: Routes = [
    ("GET", "/maps/{name}/work", map_work),
    ("GET", "/fields/{uid}/work", field_work),
    ("POST", "/jobs", ask),
]
