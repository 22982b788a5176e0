"""The sprayer, the job and the paddy of `tests.spraying`, for tests that need no plan."""

from __future__ import annotations

from shapely.geometry import MultiPolygon

from agri.field import Field, Pad
from agri.weather import Wind
from missions.energy import Aircraft
from missions.flightplan import Site
from missions.sprayer.gear import DropletClass, PumpControl, PumpPoint, Sprayer, SwathPoint
from missions.sprayer.job import Product, SpraySettings
from tests.plans import box, local, lonlat

SPRAY_M, SPEED_M_S, SWATH_M, RATE_L_HA = 3.0, 5.0, 10.0, 20.0
"""20 L/ha on 10 m at 5 m/s take 6 L/min."""
PAD_AT = (0.0, -50.0)

SPRAYER = Sprayer(
    name="Test sprayer",
    aircraft=Aircraft(
        name="Test hexa", mass_kg=20.0, battery_wh=600.0, hover_power_w=3000.0, max_wind_m_s=6.0
    ),
    tank_l=11.0,
    dead_l=1.0,
    pump=(PumpPoint(output=0.1, flow_l_min=1.0), PumpPoint(output=1.0, flow_l_min=8.0)),
    control=PumpControl.SPEED,
    nozzles=4,
    droplets=DropletClass.FINE,
    swath=(SwathPoint(height_m=3.0, speed_m_s=5.0, width_m=10.0),),
    min_height_m=2.0,
    max_height_m=4.0,
    max_speed_m_s=7.0,
    hose_s=0.0,
    endurance_full_min=9.0,
    endurance_empty_min=18.0,
    confidence="high",
    source="laid by hand",
)
"""10 L can be sprayed, 1 to 8 L/min."""
SETTINGS = SpraySettings(
    sprayer=SPRAYER,
    product=Product(name="Thuốc thử", dose_per_ha=500.0, phi_days=14),
    rate_l_ha=RATE_L_HA,
    height_m=SPRAY_M,
    speed_m_s=SPEED_M_S,
    swath_m=SWATH_M,
    wind=Wind(speed_m_s=2.0, from_deg=90.0, gust_m_s=4.0),
)
FIELD = Field(name="Ruộng phun", crop="lúa", boundary=MultiPolygon([lonlat(box(-30, -20, 30, 20))]))
SITE = Site(field=FIELD, pad=Pad(name="Bãi phun", place=local(*PAD_AT)))
