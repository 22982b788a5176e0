// A field is drawn by tapping its corners, by standing at them, by walking round, or by typing them: the text holds them
// all. A corner is moved by dragging it; in a field that is there already a tap puts a corner into the nearest side.
// A new field half drawn is kept by this tab until it is saved: a reload, a lost network or a flat phone that comes back
// goes on with it. Of a field that is there already the farm's corners count: who leaves changes behind is asked first.
import { draw, makeMap } from "./map.js";

const L = globalThis.L;
const box = document.getElementById("draw");
const text = document.getElementById("corners");
const size = document.getElementById("size");
const undo = document.getElementById("undo");
const here = document.getElementById("here");
const walk = document.getElementById("walk");
const STEP_M = 4;
const ROUGH_M = 15; // a place told less surely than this is no corner
const STYLE = { color: "#0b5d3b", weight: 3, fillOpacity: 0.2 };
const SAO_M2 = 360;
const form = text.form;
const EDITS = box.dataset.edit === "yes";
const DRAFT = `agri-draw ${location.pathname}`;
const KEPT = ["name", "crop", "corners"];
const FIRST = asked();
let sent = false;

function asked() {
  return JSON.stringify(KEPT.map((name) => form.elements[name].value));
}

function keep() {
  if (EDITS) return;
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify({ told: asked(), sent }));
  } catch { /* a browser that keeps nothing */ }
}

/** Bring a half-drawn field back, unless it was sent and this is a new one; say whether there was one. */
function recall() {
  if (EDITS || text.value.trim()) return false; // the server's answer to what was sent holds all of it
  try {
    const draft = JSON.parse(sessionStorage.getItem(DRAFT));
    const came = performance.getEntriesByType("navigation")[0]?.type;
    if (!draft || (draft.sent && came === "navigate")) {
      sessionStorage.removeItem(DRAFT);
      return false;
    }
    JSON.parse(draft.told).forEach((value, at) => { form.elements[KEPT[at]].value = value; });
    return true;
  } catch {
    return false;
  }
}

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
  keep();
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

/** Between which corners a new one comes: after the last, or where it lengthens the outline least. */
function placeFor(map, list, place) {
  if (box.dataset.edit !== "yes" || list.length < 3) return list.length;
  const far = (a, b) => map.distance(a, b);
  const longer = list.map((corner, at) => {
    const next = list[(at + 1) % list.length];
    return far(corner, place) + far(place, next) - far(corner, next);
  });
  return longer.indexOf(Math.min(...longer)) + 1;
}

function handle(corner, number) {
  const label = document.createElement("span");
  label.textContent = String(number);
  const icon = L.divIcon({ className: "corner", html: label, iconSize: [44, 44] });
  return L.marker(corner, { icon, draggable: true, keyboard: false, title: String(number) });
}

function start(map) {
  const shape = L.featureGroup().addTo(map);
  const outline = L.polygon([], { ...STYLE, interactive: false }).addTo(map);
  const past = recalled && text.value ? [""] : [];
  let dropped = -Infinity;
  const fresh = () => {
    const list = corners();
    outline.setLatLngs(list);
    undo.disabled = past.length === 0;
    const language = document.documentElement.lang;
    size.textContent = list.length < 3 ? size.dataset.few
      : size.dataset.unit.replace("…", (areaOf(list) / SAO_M2).toLocaleString(language, { maximumFractionDigits: 1 }));
  };
  const show = () => {
    shape.clearLayers();
    corners().forEach((corner, at) => {
      handle(corner, at + 1).addTo(shape).on("dragstart", () => past.push(text.value))
        .on("dragend", () => { dropped = performance.now(); }).on("drag", ({ latlng }) => {
        const list = corners();
        list[at] = [latlng.lat, latlng.lng];
        put(list);
        fresh();
      });
    });
    fresh();
  };
  const add = (lat, lon) => {
    const list = corners();
    past.push(text.value);
    list.splice(placeFor(map, list, [lat, lon]), 0, [lat, lon]);
    put(list);
    show();
  };
  map.on("click", ({ latlng }) => {
    if (performance.now() - dropped > 400) add(latlng.lat, latlng.lng); // a corner let go of is no tap
  });
  undo.addEventListener("click", () => { text.value = past.pop(); keep(); show(); });
  text.addEventListener("input", () => {
    show();
    if (corners().length) map.fitBounds(L.latLngBounds(corners()).pad(0.3), { maxZoom: 19 });
  });
  if (isSecureContext && navigator.geolocation) stand(map, add);
  show();
  const list = corners();
  if (list.length) map.fitBounds(L.latLngBounds(list).pad(0.3));
  box.dataset.ready = "yes";
}

/** Corners by where the phone is: one when told, or one every few metres while walking round. */
function stand(map, add) {
  const exact = { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 };
  const lost = () => { size.textContent = size.dataset.nowhere; };
  const see = (lat, lon) => map.setView([lat, lon], Math.max(map.getZoom(), 17));
  here.hidden = false;
  here.addEventListener("click", () => {
    here.disabled = true;
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      here.disabled = false;
      add(coords.latitude, coords.longitude);
      see(coords.latitude, coords.longitude);
    }, () => { here.disabled = false; lost(); }, exact);
  });
  if (box.dataset.edit === "yes") return;
  let watch = null;
  let last = null;
  let awake = null;
  walk.hidden = false;
  walk.addEventListener("click", async () => {
    if (watch !== null) {
      navigator.geolocation.clearWatch(watch);
      awake?.release();
      watch = last = awake = null;
      walk.textContent = walk.dataset.begin;
      return;
    }
    walk.textContent = walk.dataset.end;
    watch = navigator.geolocation.watchPosition(({ coords }) => {
      const place = [coords.latitude, coords.longitude];
      if (coords.accuracy > ROUGH_M) { lost(); return; }
      if (last && map.distance(last, place) < Math.max(STEP_M, coords.accuracy / 2)) return;
      last = place;
      add(...place);
      see(...place);
    }, lost, exact);
    awake = await navigator.wakeLock?.request("screen").catch(() => null);
  });
}

async function open() {
  const answer = await fetch(box.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const collection = await answer.json();
  const map = makeMap(box);
  map.setView([21.08, 106.51], 14); // Đông Triều
  const others = collection.features.filter(({ properties }) => properties.link !== box.dataset.skip);
  const there = draw(map, { ...collection, features: others.map(plain) });
  if (there.getLayers().length) map.fitBounds(there.getBounds(), { padding: [40, 40] });
  start(map);
}

/** Other fields are shown to find one's way, and lead nowhere while one draws. */
function plain(feature) {
  return { ...feature, properties: { ...feature.properties, link: "" } };
}

const recalled = recall();
form.addEventListener("input", keep);
form.addEventListener("submit", () => { sent = true; keep(); });
addEventListener("beforeunload", (event) => { if (EDITS && !sent && asked() !== FIRST) event.preventDefault(); });
open().catch(() => {
  box.textContent = box.dataset.failed;
  box.dataset.ready = "no";
});
