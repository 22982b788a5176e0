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
      // above the shape, so that what it names stays in sight
      const top = drawn.getBounds();
      L.tooltip({ permanent: true, direction: "top", offset: [0, -2] })
        .setLatLng([top.getNorth(), top.getCenter().lng]).setContent(text).addTo(map);
    }
  }
  map.fitBounds(all.getBounds(), { padding: [28, 40] });
  const north = L.control({ position: "topright" });
  north.onAdd = () => {
    const arrow = L.DomUtil.create("div", "north");
    arrow.textContent = "↑ B / N";
    return arrow;
  };
  north.addTo(map);
})();
