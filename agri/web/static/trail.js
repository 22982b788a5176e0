// Draws the way flown as it is told: where the sprayer ran as wide as the swath, elsewhere as a line.
const L = globalThis.L;
const WET = "#0072B2";
const DRY = "#D55E00";
const ON_THE_SPOT_M = 1;

/**
 * Return what takes the newest places, [number, latitude, longitude, whether the sprayer runs], and
 * draws them on a map; `width` is the swath in metres. A swath ends where it ends, so its band has no
 * round caps; where the aircraft stands and sprays, as over a tree, there would be no band at all, and
 * the ground below it is drawn.
 */
export function trail(map, width) {
  const wets = [];
  let line = null;
  let wet = null;
  let spot = null;
  const weight = () => {
    const centre = map.getCenter();
    const metres = map.distance(centre, map.unproject(map.project(centre).add([100, 0]))) / 100;
    return Math.max(4, Math.min(60, width / metres));
  };
  map.on("zoomend", () => { for (const one of wets) one.setStyle({ weight: weight() }); });
  return (spots) => {
    for (const [, lat, lon, runs] of spots) {
      const here = [lat, lon];
      if (wet && spot && map.distance(spot.getLatLng(), here) > ON_THE_SPOT_M) {
        spot.remove();
        spot = null;
      }
      if (line === null || runs !== wet) {
        if (line) line.addLatLng(here); // a place is told whenever the sprayer turns: it ran up to here
        line = L.polyline([], runs
          ? { color: WET, opacity: 0.45, weight: weight(), lineCap: "butt", interactive: false }
          : { color: DRY, weight: 2, interactive: false }).addTo(map);
        if (runs) {
          wets.push(line);
          spot = L.circle(here, { radius: width / 2, stroke: false, fillColor: WET, fillOpacity: 0.45, interactive: false }).addTo(map);
        }
        wet = runs;
      }
      line.addLatLng(here);
    }
  };
}
