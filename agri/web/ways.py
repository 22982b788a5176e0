"""Where in the app what was found is put right: the way beside a finding's sentence.

A finding's key, or its beginning with a star, to a path and the words of the link. ``{plan}`` and
``{field}`` stand for the plan and the field that the page is about; a way that needs one is not
shown where there is none. The first that fits counts.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from agri.findings import Finding

WAYS: tuple[tuple[str, str, str], ...] = (
    ("finding.permit_*", "/papers/new?kind=permit", "page.paper_enter_permit"),
    ("finding.licence_*", "/papers/new?kind=licence", "page.paper_enter_licence"),
    ("finding.not_registered", "/papers/new?kind=aircraft", "page.paper_enter_aircraft"),
    ("finding.registration_*", "/papers", "page.papers"),
    ("finding.map_*", "/papers/new?kind=map", "page.paper_enter_map"),
    ("finding.aircraft_wrong", "/papers", "page.papers"),
    ("finding.aircraft_other", "/plans/{plan}/fly", "page.fly"),
    ("finding.link_key_*", "/plans/{plan}/fly", "page.fly"),
    ("finding.weather_not_entered", "/plans/{plan}/fly", "page.fly"),
    ("finding.rest_left", "/flights", "page.web_flights"),
    ("finding.photos_left", "/flights", "page.web_flights"),
    ("finding.obstacles_known", "/fields/{field}/obstacles", "page.obstacles_enter"),
    ("finding.no_obstacles_known", "/fields/{field}/obstacles", "page.obstacles_enter"),
    ("finding.batter*", "/fields/{field}/survey", "page.web_plan_a_survey"),
    ("finding.frame_terrain", "/fields/{field}", "page.web_plan_again"),
)


def way_of(finding: Finding, *, plan: str = "", field: str = "") -> tuple[str, str]:
    """Return path and words' key of where a finding is put right; empty when there is no such page.

    Parameters
    ----------
    finding : Finding
        What was found; what is in order needs no way.
    plan, field : str
        Keys of the plan and the field that the page is about, "" for none.

    Examples
    --------
    >>> way_of(Finding.error("finding.weather_not_entered"), plan="7f")
    ('/plans/7f/fly', 'page.fly')
    >>> way_of(Finding.error("finding.weather_not_entered"))
    ('', '')
    """
    if finding.passed:
        return "", ""
    known = {"plan": plan, "field": field}
    for pattern, path, words in WAYS:
        if fnmatchcase(finding.key, pattern):
            needed = [name for name in known if f"{{{name}}}" in path]
            return (path.format(**known), words) if all(known[n] for n in needed) else ("", "")
    return "", ""
