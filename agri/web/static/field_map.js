// The map of a field: one map made of photos at a time, what is laid over it, what a tap tells.
// Everything that is told comes as a page of the server; this only spares loading it whole.
import { draw, explain, makeMap } from "./map.js";
import { takePlaces } from "./placing.js";

const L = globalThis.L;

/** Ask for a page and return the part of it with this id; nothing in it runs. */
export async function part(address, id) {
  const answer = await fetch(address, { credentials: "same-origin" });
  const text = await answer.text();
  const page = new DOMParser().parseFromString(text, "text/html");
  return page.getElementById(id) ?? page.querySelector("main");
}

/** Put one kind of features on the map or take it off again; the legend says what is there. */
export function overlays(map, inputs, legend, first) {
  const on = new Map();
  const explainAll = () => {
    legend.textContent = "";
    const features = [first, ...[...on.values()].map((one) => one.collection)].flatMap((one) => one.features);
    explain(legend, { features });
  };
  for (const input of inputs) {
    input.addEventListener("change", async () => {
      const kind = input.value;
      if (!input.checked) {
        on.get(kind)?.group.remove();
        on.delete(kind);
        explainAll();
        return;
      }
      input.disabled = true;
      try {
        const answer = await fetch(input.dataset.source, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(String(answer.status));
        const collection = await answer.json();
        on.set(kind, { collection, group: draw(map, collection) });
      } catch {
        input.checked = false;
      }
      input.disabled = false;
      explainAll();
    });
  }
  explainAll();
}

function tilesOf(address) {
  return L.tileLayer(address, { maxZoom: 23, tileSize: 256 });
}

async function start(box) {
  const answer = await fetch(box.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const collection = await answer.json();
  const map = makeMap(box);
  const outline = draw(map, { ...collection, features: collection.features.map(bare) });
  map.fitBounds(outline.getBounds(), { padding: [20, 20] });
  let tiles = box.dataset.tiles ? tilesOf(box.dataset.tiles).addTo(map) : null;
  let shown = box.dataset.shown;

  const frame = document.getElementById("overlays");
  frame.hidden = false;
  overlays(map, frame.querySelectorAll("input"), document.getElementById("legend"), collection);

  const choose = document.getElementById("choose");
  if (choose) {
    choose.querySelector("[data-scriptless]").hidden = true;
    choose.elements.show.addEventListener("change", async (event) => {
      shown = event.target.value;
      const address = `${choose.action}?show=${encodeURIComponent(shown)}`;
      const page = new DOMParser().parseFromString(await (await fetch(address, { credentials: "same-origin" })).text(), "text/html");
      document.getElementById("told").replaceWith(page.getElementById("told"));
      const told = page.getElementById("fieldmap").dataset.tiles;
      tiles?.remove();
      tiles = told ? tilesOf(told).addTo(map) : null;
      document.getElementById("shown").value = shown;
      const day = document.querySelector("[name=photo_day]"); // a note speaks of the map that is shown
      if (day) day.value = page.querySelector("[name=photo_day]").value;
      history.replaceState(null, "", address);
      box.dataset.shown = shown;
    });
  }

  let pin = null;
  const tell = async (place) => {
    pin?.remove();
    pin = L.circleMarker(place, { radius: 9, color: "#111", weight: 3, fillColor: "#fff", fillOpacity: 0.6 }).addTo(map);
    const query = new URLSearchParams({ lat: place.lat.toFixed(7), lon: place.lng.toFixed(7), show: shown });
    const found = await part(`${box.dataset.at}?${query}`, "answer");
    const into = document.getElementById("answer");
    into.replaceChildren(...found.childNodes);
    into.scrollIntoView({ block: "nearest" });
    box.dataset.told = "yes";
  };
  const noting = document.getElementById("noting");
  const add = noting ? noteTaker(map, noting) : null;
  map.on("click", (event) => (noting?.open ? add(event.latlng) : tell(event.latlng)));
  const middle = document.getElementById("middle");
  middle.hidden = false;
  middle.addEventListener("click", () => tell(map.getCenter()));
  box.dataset.ready = "yes";
}

/** While the note's form is open taps are its corners; the text of the form holds them all. */
function noteTaker(map, noting) {
  const hint = document.getElementById("notehow");
  hint.textContent = hint.dataset.hint;
  const parts = { text: document.getElementById("places"), undo: document.getElementById("noteundo") };
  return takePlaces(map, noting, parts, () => noting.open);
}

/** The field's own outline without filling and name: the map below it is what one looks at. */
function bare(feature) {
  return { ...feature, properties: { ...feature.properties, fill: 0, label: "" } };
}

const box = document.getElementById("fieldmap");
if (box) {
  start(box).catch(() => {
    box.textContent = box.dataset.failed;
    box.dataset.ready = "no";
  });
}
