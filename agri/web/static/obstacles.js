// What stands around a field, on its map; taps put what is entered.
import { draw, makeMap } from "./map.js";
import { takePlaces } from "./placing.js";

const L = globalThis.L;
const box = document.getElementById("standing");
const form = document.getElementById("placing");
const SHAPES = { power_line: "line", pole: "point", tree: "point", house: "area", other: "point" };

async function start() {
  const answer = await fetch(box.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const map = makeMap(box);
  const there = draw(map, await answer.json());
  map.fitBounds(there.getBounds().pad(0.3));
  if (form) enter(map);
  box.dataset.ready = "yes";
}

function enter(map) {
  const add = takePlaces(map, form, { text: document.getElementById("places"), undo: document.getElementById("undo") });
  map.on("click", ({ latlng }) => add(latlng));
  form.elements.what.addEventListener("change", ({ target }) => {
    form.querySelector(`input[name=kind][value=${SHAPES[target.value]}]`).click();
  });
  const here = document.getElementById("here");
  if (!isSecureContext || !navigator.geolocation) return;
  here.hidden = false;
  here.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(({ coords }) => add(L.latLng(coords.latitude, coords.longitude)), () => {},
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 });
  });
}

start().catch(() => {
  box.textContent = box.dataset.failed;
  box.dataset.ready = "no";
});
