"""The week's advice to look at: a strip of days, a page to print, and JSON for other programs.

Theory of operation. The strip has a row for each work and a column for each day. Every cell has a
symbol as well as a colour, so that it reads in the sun, on a copier, and by those who do not tell
red from green. The page repeats it in big letters, first what to do, then what waits, then what is
forbidden and why; below each stands where it is from and how sure that is. It loads nothing.

Money is written in đồng, rounded to what a forecast can tell; ground in hectares and sào.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from agri.errors import BadInput
from agri.operations.advice import AdviceReport
from agri.operations.sheets import sheet
from agri.rules import Confidence
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, Message, day_text, dictionary, say
from models.advice.outcome import Advice, Mark, Verdict

SYMBOL = {Mark.DO: "✓", Mark.WAIT: "…", Mark.NO: "✕"}
VERDICT_SYMBOL = {Verdict.DO: "✓", Verdict.WAIT: "…", Verdict.NOT_NOW: "✕"}
COLOUR = {Mark.DO: "#009E73", Mark.WAIT: "#E8E8E8", Mark.NO: "#D55E00"}
INK = {Mark.DO: "white", Mark.WAIT: "#333333", Mark.NO: "white"}


def weekday(day: date, language: Language) -> str:
    """Return a day's short name as calendars have it.

    Examples
    --------
    >>> weekday(date(2027, 4, 20), "vi"), weekday(date(2027, 4, 25), "en")
    ('T3', 'Sun')
    """
    return say("page.advice_weekdays", language).split()[day.weekday()]


def draw_week(report: AdviceReport, *, language: Language) -> bytes:
    """Return a PNG of the week: works by days, a symbol and a colour in each cell.

    Raises
    ------
    BadInput
        When there is no advice to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [one for one in report.week if one.days]
    if not rows:
        raise BadInput("error.advice_nothing", field=report.name)
    figure = Figure(figsize=(7.4, 1.4 + 0.58 * len(rows)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for row, one in enumerate(rows):
        for column, mark in enumerate(one.days):
            axes.barh(row, 0.94, left=column + 0.03, height=0.86, color=COLOUR[mark.mark])
            axes.text(column + 0.5, row, SYMBOL[mark.mark], ha="center", va="center",
                      fontsize=15, fontweight="bold", color=INK[mark.mark])  # fmt: skip
    days = [mark.day for mark in rows[0].days]
    heads = [f"{weekday(day, language)}\n{day:%d/%m}" for day in days]
    axes.set_xticks([k + 0.5 for k in range(len(days))], heads, fontsize=12)
    axes.set_yticks(range(len(rows)), [_wrapped(one.what.text(language)) for one in rows],
                    fontsize=11)  # fmt: skip
    axes.xaxis.tick_top()
    axes.set_xlim(0, len(days))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.supxlabel(say("page.advice_legend", language), fontsize=11, x=0.01, ha="left")
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": "agri"})
    return png.getvalue()


def _wrapped(text: str, width: int = 26) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def dong(amount: float, language: Language) -> str:
    """Return an amount of money, in millions when it is large.

    Examples
    --------
    >>> dong(122_500_000.0, "en"), dong(-7_400_000.0, "vi"), dong(35_000.0, "vi")
    ('122.5 million đ', '-7,4 triệu đ', '35.000 đ')
    """
    if abs(amount) >= 1e6:
        return say("page.money_million", language, amount=amount / 1e6)
    return say("page.money", language, amount=amount)


def label_line(one: Advice, language: Language) -> str:
    """Return dose and waiting days as the label has them; "" without a label."""
    label = one.label
    if label is None:
        return ""
    if label.dose_low is None or label.dose_high is None or label.phi_days is None:
        return say("page.advice_label_short", language, product=label.product)
    key = "page.advice_label" if label.dose_low < label.dose_high else "page.advice_label_one"
    return say(
        key, language, product=label.product, low=label.dose_low, high=label.dose_high,
        unit=label.unit, days=label.phi_days, by=label.read_by, day=label.read_on,
    )  # fmt: skip


def source_line(one: Advice, language: Language) -> str:
    """Return where an advice is from, how sure that is, and what in it is a guess."""
    sure = say(_sure(one.confidence), language)
    named = "; ".join(dict.fromkeys(ground.source for ground in one.grounds[:1] if ground.source))
    text = say("page.advice_source", language, source=named or "–", sure=sure)
    if one.assumed:
        known = dictionary(language)
        names = ", ".join(known.get(f"advice.number_{name}", name.replace("_", " "))
                          for name in dict.fromkeys(one.assumed))  # fmt: skip
        text += " " + say("page.advice_assumed", language, names=names)
    return text


def _sure(confidence: Confidence) -> str:
    return f"cli.confidence_{confidence.value}"


def when_line(one: Advice, language: Language) -> str:
    """Return when to do it: the hours, else the days."""
    if one.windows:
        return "; ".join(window.message.text(language) for window in one.windows[:4])
    return "; ".join(
        day_text(first, language) if first == last
        else say("page.advice_days", language, first=first, last=last)
        for first, last in free_days(one)
    )  # fmt: skip


def free_days(one: Advice) -> list[tuple[date, date]]:
    """Return the stretches of days on which to do it, first and last; no day between is another."""
    found: list[tuple[date, date]] = []
    for mark in one.days:
        if mark.mark is not Mark.DO:
            continue
        if found and mark.day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], mark.day)
        else:
            found.append((mark.day, mark.day))
    return found


def money_lines(report: AdviceReport, language: Language) -> list[tuple[str, str]]:
    """Return label and value of a field's money; none without a forecast or a price."""
    found = report.economics
    if found is None:
        return []

    def line(key: str, value: str) -> tuple[str, str]:
        return say(key, language), value

    prices = " / ".join(dong(one, language) for one in found.prices.each)
    income = " / ".join(dong(one, language) for one in found.income_vnd)
    profit = " / ".join(dong(one, language) for one in found.profit_vnd)
    told = [
        line("page.money_scenarios", prices), line("page.money_income", income),
        line("page.money_profit", profit),
        line("page.money_even_price", dong(found.break_even_vnd_kg, language) + "/kg"
             if found.break_even_vnd_kg < 1e9 else "–"),
        line("page.money_even_kg", say("page.money_kg", language, kg=found.break_even_kg)
             if found.break_even_kg < 1e9 else "–"),
    ]  # fmt: skip
    if found.waiting:
        worst, likely, best = found.waiting
        told.append(line("page.money_waiting", say(
            "page.money_waiting_value", language, days=likely.days, rain=likely.rain_days,
            worst=dong(worst.worth_vnd, language), likely=dong(likely.worth_vnd, language),
            best=dong(best.worth_vnd, language))))  # fmt: skip
    area = report.situation.area_m2
    if area:
        told.append(line("page.money_by_sao", say(
            "page.money_by_sao_value", language, ha=square_metres_to_hectares(area),
            sao=square_metres_to_sao(area),
            profit=dong(found.profit_vnd[1] / square_metres_to_sao(area), language))))  # fmt: skip
    return told


def as_document(report: AdviceReport, language: Language) -> dict[str, Any]:
    """Return the advice as a JSON document, its sentences in `language`."""

    def texts(found: Sequence[Message]) -> list[str]:
        return [one.text(language) for one in found]

    def advice(one: Advice) -> dict[str, Any]:
        return {
            "rule": one.rule, "topic": one.topic.value, "verdict": one.verdict.value,
            "what": one.what.text(language), "reasons": texts(one.reasons),
            "blockers": texts(one.blockers), "blocked_by": [b.key for b in one.blockers],
            "cautions": texts(one.cautions), "label": label_line(one, language) or None,
            "windows": [{"start": w.start.isoformat(), "end": w.end.isoformat()}
                        for w in one.windows],
            "days": [{"day": mark.day.isoformat(), "mark": mark.mark.value,
                      "why": mark.why.text(language) if mark.why else None} for mark in one.days],
            "sources": [{"name": g.name, "source": g.source, "confidence": g.confidence.value,
                         "assumed": g.assumed} for g in one.grounds],
            "confidence": one.confidence.value,
        }  # fmt: skip

    found = report.economics
    money = None if found is None else {
        "mass_kg": found.mass_kg, "prices_vnd_kg": found.prices.each,
        "income_vnd": found.income_vnd, "profit_vnd": found.profit_vnd,
        "break_even_vnd_kg": found.break_even_vnd_kg if found.mass_kg > 0 else None,
        "break_even_kg": found.break_even_kg if found.break_even_kg < 1e12 else None,
        "waiting_worth_vnd": [one.worth_vnd for one in found.waiting],
    }  # fmt: skip
    return {
        "schema": "agri/advice/1", "field": report.name, "crop": report.situation.card.id,
        "today": report.situation.today.isoformat(), "week": [advice(one) for one in report.week],
        "economics": money, "findings": [one.text(language) for one in report.findings],
    }  # fmt: skip


def render_advice(report: AdviceReport, *, language: Language, strip: bytes = b"") -> str:
    """Return the page: HTML with print style, no script, nothing loaded.

    Parameters
    ----------
    report : AdviceReport
        What to show.
    language : {"vi", "en"}
        Of the page.
    strip : bytes
        The PNG of `draw_week`; empty for a table of the same.
    """
    return sheet("week_page", language, style="week_page", **advice_values(report, language, strip))


def advice_values(report: AdviceReport, language: Language, strip: bytes = b"") -> dict[str, Any]:
    """Return what the template of the week shows, for its own page and for any other around it.

    Parameters
    ----------
    report : AdviceReport
        What to show.
    language : {"vi", "en"}
        Of the words.
    strip : bytes
        The PNG of `draw_week`; empty for a table of the same.
    """
    groups = [
        (verdict.value, VERDICT_SYMBOL[verdict], say(f"page.advice_{verdict.value}", language),
         [_entry(one, language) for one in report.week if one.verdict is verdict])
        for verdict in Verdict
    ]  # fmt: skip
    dated = [one for one in report.week if one.days]
    days = [mark.day for mark in dated[0].days] if dated else []
    return {
        "name": report.name, "crop": report.situation.card.name(language),
        "day": day_text(report.situation.today, language), "groups": [g for g in groups if g[3]],
        "strip": b64encode(strip).decode("ascii"), "money": money_lines(report, language),
        "findings": [one.text(language) for one in report.findings],
        "strip_days": [(weekday(day, language), f"{day:%d/%m}") for day in days],
        "strip_rows": [
            (one.what.text(language),
             [(mark.mark.value, SYMBOL[mark.mark],
               say(f"page.advice_mark_{mark.mark.value}", language)) for mark in one.days])
            for one in dated
        ],
    }  # fmt: skip


def _entry(one: Advice, language: Language) -> dict[str, Any]:
    return {
        "what": one.what.text(language),
        "when": [text for text in when_line(one, language).split("; ") if text],
        "label": label_line(one, language), "source": source_line(one, language),
        "reasons": [each.text(language) for each in one.reasons],
        "blockers": [each.text(language) for each in one.blockers],
        "cautions": [each.text(language) for each in one.cautions],
    }  # fmt: skip
