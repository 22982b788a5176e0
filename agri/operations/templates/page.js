// Draws the page's layers with Leaflet. Names come from strangers' files: they are only ever text.
"use strict";
(function () {
  const layers = JSON.parse(document.getElementById("layers").textContent);
  const map = L.map("map", { attributionControl: false, zoomSnap: 0.25, maxZoom: 24, preferCanvas: false });
  L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
  const all = L.featureGroup().addTo(map);
  for (const layer of layers) {
    const style = {
      color: layer.colour, weight: layer.width, dashArray: layer.dash.join(" ") || null, opacity: 1,
      fill: layer.fill > 0, fillColor: layer.colour, fillOpacity: layer.fill,
    };
    const drawn = L.geoJSON(layer.geometry, {
      style,
      interactive: false,
      pointToLayer: (_, place) => L.circleMarker(place, {
        ...style, radius: layer.radius, weight: 2, fill: true, fillColor: layer.fill ? layer.colour : "#fff", fillOpacity: 1,
      }),
    }).addTo(all);
    if (layer.label) {
      const text = document.createElement("span");
      text.textContent = layer.label;
      drawn.bindTooltip(text, { permanent: true, direction: "center" });
    }
  }
  map.fitBounds(all.getBounds().pad(0.12));
})();
