// A point, a line or an area put on a map by tapping; the text of the form holds it.
const L = globalThis.L;
const STYLE = { color: "#8a5a00", weight: 3, fillOpacity: 0.2 };

/** Draw on `map` what the form tells while `open()`; return what adds a place. `parts` are the text and the undo button. */
export function takePlaces(map, form, { text, undo }, open = () => true) {
  const shape = L.featureGroup().addTo(map);
  undo.hidden = false;
  const lines = () => text.value.split("\n").filter((line) => line.trim());
  const show = () => {
    shape.clearLayers();
    if (!open()) return;
    const kind = form.querySelector("input[name=kind]:checked").value;
    const found = lines().map((line) => line.split(/\s*[,;]\s+|\s+/).map(Number)).filter((one) => one.length === 2 && one.every(Number.isFinite));
    const list = kind === "point" ? found.slice(-1) : found;
    if (kind === "area" && list.length > 2) L.polygon(list, STYLE).addTo(shape);
    else if (list.length > 1) L.polyline(list, STYLE).addTo(shape);
    for (const one of list) L.circleMarker(one, { ...STYLE, radius: 8, fillColor: "#fff", fillOpacity: 1 }).addTo(shape);
  };
  undo.addEventListener("click", () => { text.value = lines().slice(0, -1).join("\n"); show(); });
  form.addEventListener("change", show);
  form.addEventListener("toggle", show);
  text.addEventListener("input", show);
  show();
  return (place) => {
    text.value = [...lines(), `${place.lat.toFixed(7)}, ${place.lng.toFixed(7)}`].join("\n");
    show();
  };
}
