// Where the browser allows it, a worker keeps the page for when the farm's computer is out of reach.
try {
  localStorage.setItem("agri-language", document.documentElement.lang);
} catch { /* a browser that keeps nothing: the page comes in both languages */ }
if (window.isSecureContext && "serviceWorker" in navigator) {
  const begin = () => navigator.serviceWorker.register("/worker.js", { updateViaCache: "none" }).catch(() => {});
  // what the page itself needs comes first
  if (document.readyState === "complete") begin();
  else addEventListener("load", begin);
}
