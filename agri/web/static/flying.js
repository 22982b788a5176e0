// Keeps the page of a flight fresh, and sends orders at once. Without it the page works by its forms.
import { draw, makeMap } from "./map.js";
import { trail } from "./trail.js";

const L = globalThis.L;
const page = document.getElementById("flight");
const own = `/flying/${page.dataset.uid}`;
const byId = (id) => document.getElementById(id);
let last = 0;
let heard = performance.now();
let ended = ["over", "failed"].includes(page.dataset.stage);
let drawing = null;

function alarm(text) {
  byId("cut").classList.remove("late");
  byId("cut").hidden = !text;
  byId("cut-text").textContent = text;
}

// ---------------------------------------------------------------- what is shown

function show(live) {
  if (live.stage !== page.dataset.stage) {
    location.assign(own);
    return;
  }
  const state = byId("state");
  state.className = `state ${live.state}`;
  state.firstElementChild.textContent = live.symbol;
  if (byId("state-text").textContent !== live.text) byId("state-text").textContent = live.text;
  for (const fact of live.facts) {
    const box = document.querySelector(`[data-fact="${fact.key}"]`);
    if (!box) continue;
    box.className = fact.light;
    box.lastElementChild.textContent = `${fact.symbol} ${fact.value}`;
  }
  for (const [number, moment, text] of live.told) {
    if (number <= Number(page.dataset.number)) continue;
    const entry = document.createElement("li");
    const when = document.createElement("b");
    when.textContent = moment;
    entry.append(when, ` ${text}`);
    byId("told").append(entry);
  }
  page.dataset.number = Math.max(Number(page.dataset.number), live.number);
  if (drawing) drawing(live);
  last = Math.max(last, live.number);
  // only now: what could not be shown was not heard
  heard = performance.now();
  if (!unsent) alarm("");
}

async function startMap(box) {
  const answer = await fetch(box.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const collection = await answer.json();
  const map = makeMap(box);
  const plan = draw(map, collection);
  map.fitBounds(plan.getBounds(), { padding: [20, 20] });
  const way = trail(map, Number(box.dataset.width));
  const nose = L.polyline([], { color: "#111", weight: 4, interactive: false }).addTo(map);
  const craft = L.circleMarker(map.getCenter(), { radius: 9, color: "#111", weight: 3, fillColor: "#ffd400", fillOpacity: 1, interactive: false });
  drawing = (live) => {
    way(live.spots.filter(([number]) => number > last));
    if (!live.place) return;
    craft.setLatLng(live.place).addTo(map);
    if (live.yaw !== null) {
      const here = map.project(live.place);
      const turn = live.yaw * Math.PI / 180;
      nose.setLatLngs([live.place, map.unproject(here.add([Math.sin(turn) * 22, -Math.cos(turn) * 22]))]);
    }
    craft.bringToFront();
    if (!map.getBounds().contains(live.place)) map.panTo(live.place);
  };
  box.dataset.ready = "yes";
}

// ---------------------------------------------------------------- how it is heard

let stream = null;
let asking = 0;

function listen() {
  stream = new EventSource(`${own}/events?after=${last}`);
  stream.addEventListener("state", (event) => show(JSON.parse(event.data)));
  stream.addEventListener("over", () => { ended = true; stream.close(); });
  for (const kind of ["signed-out", "full"]) stream.addEventListener(kind, () => { stream.close(); poll(); });
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) poll(); });
}

/** Ask each second, where events do not come through. */
function poll() {
  if (asking || ended) return;
  asking = setInterval(async () => {
    try {
      const answer = await fetch(`${own}/state?after=${last}`, { credentials: "same-origin", cache: "no-store" });
      if (answer.redirected || answer.status === 404) location.assign(own);
      else if (answer.ok) show(await answer.json());
    } catch { /* the watch below says that nothing is heard */ }
    if (ended) clearInterval(asking);
  }, 1000);
}

setInterval(() => {
  if (ended || performance.now() - heard < 4000) return;
  alarm(unsent || page.dataset.cut);
  if (stream && performance.now() - heard > 8000) { stream.close(); stream = null; poll(); }
}, 1000);

// ---------------------------------------------------------------- orders

const TRIED_MS = 30000;
const ANSWER_MS = 2500;
let unsent = "";
let given = 0;
let through = 0;

// An order is sent until it gets through; one that came after it and did get through ends it, and its
// number tells the farm's computer the same of what the network brings too late.
async function order(form) {
  const nth = ++given;
  const until = performance.now() + TRIED_MS;
  const body = new URLSearchParams(new FormData(form));
  const to = `${form.action}?page=${page.dataset.once}&nth=${nth}`;
  while (performance.now() < until) {
    let live = null;
    try {
      const answer = await fetch(`${to}&after=${last}`, {
        method: "POST", body, credentials: "same-origin", keepalive: true, headers: { accept: "application/json" },
        signal: AbortSignal.timeout?.(ANSWER_MS),
      });
      if (answer.redirected || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) break;
      if (answer.ok) live = await answer.json();
    } catch { /* tried again */ }
    if (nth < through) return;
    if (live) {
      through = nth;
      unsent = "";
      show(live);
      return;
    }
    unsent = page.dataset.unsent;
    alarm(unsent);
    await new Promise((go) => { setTimeout(go, 300); });
    if (nth < through) return;
  }
  unsent = page.dataset.givenUp;
  alarm(unsent);
}

for (const form of document.querySelectorAll("form[data-order]")) {
  const button = form.querySelector("button");
  let pressed = -Infinity; // the first press counts, however soon after the page has come
  const send = (event) => {
    event.preventDefault();
    if (performance.now() - pressed < 500) return;
    pressed = performance.now();
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 600);
    order(form);
  };
  // a stop counts from the touch, not from the finger's leaving
  if (form.dataset.order === "stop") button.addEventListener("pointerdown", send);
  form.addEventListener("submit", send);
}

const map = byId("live");
if (map) {
  startMap(map).catch(() => { map.textContent = map.dataset.failed; map.dataset.ready = "no"; }).finally(listen);
} else if (!ended) {
  last = Number(page.dataset.number);
  listen();
}
