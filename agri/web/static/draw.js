// A field is drawn by tapping its corners, by standing at them, or by typing them: the text holds them all.
import { draw, makeMap } from "./map.js";

const L = globalThis.L;
const box = document.getElementById("draw");
const text = document.getElementById("corners");
const size = document.getElementById("size");
const undo = document.getElementById("undo");
const here = document.getElementById("here");
const STYLE = { color: "#0b5d3b", weight: 3, fillOpacity: 0.2 };
const SAO_M2 = 360;

/** Corners in the text, [lat, lon]; what cannot be read is left to the server to name. */
function corners() {
  const found = [];
  for (const line of text.value.split("\n")) {
    const parts = line.trim().split(/\s*[,;]\s*|\s+/).map(Number);
    if (line.trim() && parts.length === 2 && parts.every(Number.isFinite)) found.push(parts);
  }
  return found;
}

function put(list) {
  text.value = list.map(([lat, lon]) => `${lat.toFixed(7)}, ${lon.toFixed(7)}`).join("\n");
}

/** Area in m² on a plane at the corners' middle: for the eye, the server measures. */
function areaOf(list) {
  const scale = 111320 * Math.cos(list[0][0] * Math.PI / 180);
  let twice = 0;
  list.forEach(([lat, lon], at) => {
    const [nextLat, nextLon] = list[(at + 1) % list.length];
    twice += (lon * scale) * (nextLat * 110574) - (nextLon * scale) * (lat * 110574);
  });
  return Math.abs(twice) / 2;
}

function start(map) {
  const shape = L.featureGroup().addTo(map);
  const show = () => {
    const list = corners();
    shape.clearLayers();
    if (list.length > 2) L.polygon(list, STYLE).addTo(shape);
    else if (list.length > 1) L.polyline(list, STYLE).addTo(shape);
    list.forEach((corner, at) => {
      const dot = L.circleMarker(corner, { ...STYLE, radius: 11, fillColor: "#fff", fillOpacity: 1 }).addTo(shape);
      dot.bindTooltip(String(at + 1), { permanent: true, direction: "center", className: "corner" });
    });
    undo.disabled = list.length === 0;
    const language = document.documentElement.lang;
    size.textContent = list.length < 3 ? size.dataset.few
      : size.dataset.unit.replace("…", (areaOf(list) / SAO_M2).toLocaleString(language, { maximumFractionDigits: 1 }));
  };
  const add = (lat, lon) => { put([...corners(), [lat, lon]]); show(); };
  map.on("click", (event) => add(event.latlng.lat, event.latlng.lng));
  undo.addEventListener("click", () => { put(corners().slice(0, -1)); show(); });
  text.addEventListener("input", () => {
    show();
    if (corners().length) map.fitBounds(L.latLngBounds(corners()).pad(0.3), { maxZoom: 19 });
  });
  if (isSecureContext && navigator.geolocation) {
    here.hidden = false;
    here.addEventListener("click", () => {
      here.disabled = true;
      navigator.geolocation.getCurrentPosition(({ coords }) => {
        here.disabled = false;
        add(coords.latitude, coords.longitude);
        map.setView([coords.latitude, coords.longitude], Math.max(map.getZoom(), 17));
      }, () => {
        here.disabled = false;
        size.textContent = size.dataset.nowhere;
      }, { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 });
    });
  }
  show();
  const list = corners();
  if (list.length) map.fitBounds(L.latLngBounds(list).pad(0.3));
  box.dataset.ready = "yes";
}

async function open() {
  const answer = await fetch(box.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const collection = await answer.json();
  const map = makeMap(box);
  map.setView([21.08, 106.51], 14); // Đông Triều
  const there = draw(map, { ...collection, features: collection.features.map(plain) });
  if (there.getLayers().length) map.fitBounds(there.getBounds(), { padding: [40, 40] });
  start(map);
}

/** Other fields are shown to find one's way, and lead nowhere while one draws. */
function plain(feature) {
  return { ...feature, properties: { ...feature.properties, link: "" } };
}

open().catch(() => {
  box.textContent = box.dataset.failed;
  box.dataset.ready = "no";
});
