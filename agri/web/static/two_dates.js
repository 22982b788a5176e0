// Two maps on one another: the slider says how far the first covers the second, by thumb or arrow keys.
import { draw, makeMap } from "./map.js";

const L = globalThis.L;

function pane(map, name, index) {
  const box = map.createPane(name);
  box.style.zIndex = String(index);
  return box;
}

function swipe(map, cover, slider) {
  const clip = () => {
    const at = map.containerPointToLayerPoint([map.getSize().x * slider.value / 100, 0]);
    const top = map.containerPointToLayerPoint([0, 0]);
    const bottom = map.containerPointToLayerPoint(map.getSize());
    cover.style.clipPath = `polygon(${top.x}px ${top.y}px, ${at.x}px ${top.y}px, ${at.x}px ${bottom.y}px, ${top.x}px ${bottom.y}px)`;
    map.getContainer().style.setProperty("--at", `${slider.value}%`);
  };
  slider.addEventListener("input", clip);
  map.on("move zoomend resize viewreset", clip);
  clip();
}

async function start(box) {
  const answer = await fetch(box.dataset.source, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const collection = await answer.json();
  const map = makeMap(box);
  const bare = (one) => ({ ...one, properties: { ...one.properties, fill: 0, label: "" } });
  const outline = draw(map, { ...collection, features: collection.features.map(bare) });
  map.fitBounds(outline.getBounds(), { padding: [20, 20] });
  if (box.dataset.second) {
    pane(map, "below", 210);
    const cover = pane(map, "cover", 220);
    L.tileLayer(box.dataset.second, { maxZoom: 23, pane: "below" }).addTo(map);
    L.tileLayer(box.dataset.first, { maxZoom: 23, pane: "cover" }).addTo(map);
    const frame = document.getElementById("swiper");
    frame.hidden = false;
    const line = document.createElement("div");
    line.className = "swipe-line";
    box.append(line);
    swipe(map, cover, frame.querySelector("input"));
  } else {
    L.tileLayer(box.dataset.first, { maxZoom: 23 }).addTo(map);
  }
  box.dataset.ready = "yes";
}

const box = document.getElementById("twodates");
if (box) {
  start(box).catch(() => {
    box.textContent = box.dataset.failed;
    box.dataset.ready = "no";
  });
}
