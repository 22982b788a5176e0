// How far the jobs are, every two seconds; when one changes its state, the page is loaded anew.
const EVERY_MS = 2000;
const shown = new Map([...document.querySelectorAll("[id^=job-][data-state]")].map((box) => [box.id.slice(4), box]));
const busy = document.getElementById("jobs") || document.querySelector("[data-watch]");

async function look() {
  const answer = await fetch("/jobs.json", { credentials: "same-origin", redirect: "manual" });
  if (answer.type === "opaqueredirect") { location.reload(); return; } // signed out meanwhile
  if (!answer.ok) return;
  for (const job of await answer.json()) {
    const box = shown.get(job.uid);
    if (!box) continue;
    if (box.dataset.state !== job.state) { location.reload(); return; }
    box.querySelector("[data-text]").textContent = job.text;
    const bar = box.querySelector("progress");
    if (bar) bar.value = job.percent;
  }
}

async function watch() {
  if (!document.hidden) await look().catch(() => {}); // no Wi-Fi: asked again
  setTimeout(watch, EVERY_MS);
}

if (busy) setTimeout(watch, EVERY_MS);
