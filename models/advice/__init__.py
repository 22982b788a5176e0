"""Advice: what to do this week and why, what blocks it, and how sure it is.

Rooms, from low to high: `outcome` (an `Advice`: what, when, reasons, blockers, sources) ·
`situation` (all an advice is judged by: stage, weather, records, labels) · `air` (which hours may
be sprayed in) · `blight` (infection of downy blight from wet hours and warmth) · `allowed` (what a
product may not do on a day: bloom, pre-harvest interval, dose, repeats) · `spraying` (spray windows
against a pest) · `pests` (when blight and fruit borer ask for a spray, what to look for) ·
`feeding` (fertiliser by age and stage) · `watering` (rain and evapotranspiration in balance) ·
`picking` (harvest window, pickers, counts) · `week` (all of it, in the order to do it) ·
`economics` (prices, break-even, what waiting is worth).

Rules are data (`agri.advising`), doses and waiting days come from labels alone (`agri.labels`), and
limits of wind and air are given as an argument, so that a flight and an advice are judged alike.
"""
