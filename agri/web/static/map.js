// Draws what a page's map asks for. Names come from strangers' files: they are only ever text.
const L = globalThis.L;
const SVG = "http://www.w3.org/2000/svg";

/** Make a map of our kind: big buttons, a scale, north named, the keyboard works. */
export function makeMap(box) {
  const map = L.map(box, { attributionControl: false, zoomSnap: 0.25, maxZoom: 23 });
  L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
  underlay(map).catch(() => {}); // maps stay plain without one
  return map;
}

/** Lay the farm's basemap below everything, where it has one, and say whose it is. */
async function underlay(map) {
  const answer = await fetch("/basemap.json", { credentials: "same-origin" });
  const told = answer.ok ? await answer.json() : {};
  if (!told.tiles) return;
  map.createPane("basemap").style.zIndex = "150";
  L.tileLayer(told.tiles, { pane: "basemap", minZoom: told.least, maxNativeZoom: told.most, maxZoom: 23 }).addTo(map);
  if (!told.source) return;
  const words = document.createElement("span");
  words.textContent = told.source;
  L.control.attribution({ prefix: false }).addTo(map).addAttribution(words.innerHTML);
}

function styleOf(told) {
  return {
    color: told.colour, weight: told.width, dashArray: told.dash || null, opacity: 1,
    fill: told.fill > 0, fillColor: told.colour, fillOpacity: told.fill,
  };
}

/** Draw features with their styles and names; return the group. */
export function draw(map, collection) {
  const all = L.featureGroup().addTo(map);
  for (const feature of collection.features) {
    const told = feature.properties;
    const style = styleOf(told);
    const drawn = L.geoJSON(feature.geometry, {
      style, interactive: Boolean(told.link),
      pointToLayer: (_, place) => L.circleMarker(place, {
        ...style, radius: told.radius, weight: 2, fill: true, fillColor: told.fill ? told.colour : "#fff", fillOpacity: 1,
      }),
    }).addTo(all);
    if (told.label) {
      const text = document.createElement("span");
      text.textContent = told.label;
      const box = drawn.getBounds();
      // above what it names, so that this stays in sight
      const middle = L.latLng(box.getNorth(), box.getCenter().lng);
      L.tooltip({ permanent: true, direction: told.link ? "auto" : "top", offset: told.link ? [9, -6] : [0, -2] })
        .setLatLng(middle).setContent(text).addTo(map);
    }
    if (told.link) {
      const open = () => { location.assign(told.link); };
      drawn.on("click", open);
      // fields far apart are dots on a phone: something to see and to press
      L.circleMarker(drawn.getBounds().getCenter(), { color: told.colour, weight: 3, radius: 7, fillColor: "#fff", fillOpacity: 1 })
        .on("click", open).addTo(all);
    }
  }
  return all;
}

function sample(told, shape) {
  const svg = document.createElementNS(SVG, "svg");
  const set = (node, values) => { for (const [name, value] of Object.entries(values)) node.setAttribute(name, value); };
  set(svg, { width: 34, height: 20, "aria-hidden": "true" });
  const kind = shape.endsWith("Point") ? "circle" : shape.endsWith("Polygon") ? "rect" : "line";
  const node = document.createElementNS(SVG, kind);
  set(node, { stroke: told.colour, "stroke-width": Math.max(2, told.width), "stroke-dasharray": told.dash, fill: "none" });
  if (kind === "circle") set(node, { cx: 17, cy: 10, r: Math.min(told.radius, 7), fill: told.fill ? told.colour : "#fff" });
  if (kind === "rect") set(node, { x: 3, y: 3, width: 28, height: 14, fill: told.colour, "fill-opacity": told.fill });
  if (kind === "line") set(node, { x1: 1, y1: 10, x2: 33, y2: 10 });
  svg.append(node);
  return svg;
}

/** Say in a list what the lines and areas of a map are. */
export function explain(list, collection) {
  const seen = new Set();
  for (const feature of collection.features) {
    const told = feature.properties;
    if (!told.name || seen.has(told.name)) continue;
    seen.add(told.name);
    const entry = document.createElement("li");
    entry.append(sample(told, feature.geometry.type), told.name);
    list.append(entry);
  }
}

async function start(box) {
  const answer = await fetch(box.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const collection = await answer.json();
  const map = makeMap(box);
  if (box.dataset.tiles) L.tileLayer(box.dataset.tiles, { maxZoom: 23, tileSize: 256 }).addTo(map);
  draw(map, collection);
  const [west, south, east, north] = collection.view || collection.bbox;
  const room = collection.view ? {} : { paddingTopLeft: [64, 40], paddingBottomRight: [34, 40] };
  map.fitBounds([[south, west], [north, east]], room);
  const legend = document.getElementById("legend");
  if (legend) explain(legend, collection);
  box.dataset.ready = "yes";
}

const box = document.getElementById("map");
if (box && box.dataset.source) {
  start(box).catch(() => {
    box.textContent = box.dataset.failed;
    box.dataset.ready = "no";
  });
}
