// The service worker; VERSION, PAGE and KEPT stand before this text (agri.web.out_of_reach).
// It answers with KEPT files, whose addresses change with what is in them, and with PAGE where the
// farm's computer gives no page. All else goes past it.
const NAME = `agri-${VERSION}`;
const SILENCE_MS = 8000;
const SIGN_MS = 5000;

addEventListener("install", (event) => {
  skipWaiting();
  const asked = [PAGE, ...KEPT].map((path) => new Request(path, { cache: "no-cache", credentials: "omit" }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(asked)));
});

addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name.startsWith("agri-") && name !== NAME) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(old());
});

const kept = (path) => caches.match(path, { cacheName: NAME, ignoreVary: true });

// Fails once the farm's computer gives no sign of life; a page that is only slow is waited for.
async function silence(waiting) {
  while (waiting()) {
    await new Promise((go) => setTimeout(go, SILENCE_MS));
    if (waiting()) await fetch("/static/icon.svg", { cache: "no-store", signal: AbortSignal.timeout(SIGN_MS) });
  }
}

async function shown(request) {
  let waiting = true;
  try {
    return await Promise.race([fetch(request), silence(() => waiting).then(() => new Promise(() => {}))]);
  } catch (error) {
    const page = await kept(PAGE);
    if (page) return page;
    throw error;
  } finally {
    waiting = false;
  }
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(shown(request));
  else if (KEPT.includes(pathname + search)) event.respondWith(kept(request.url).then((file) => file || fetch(request)));
});
