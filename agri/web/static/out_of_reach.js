// The page for when the farm's computer is out of reach: in the language read last, and gone once it answers.
const EVERY_MS = 4000;
let language = "";
try {
  language = localStorage.getItem("agri-language") || "";
} catch { /* both are shown */ }
const parts = [...document.querySelectorAll("main > section")];
const [here] = parts.filter((part) => part.lang === language);
if (here) {
  document.documentElement.lang = language;
  document.title = here.querySelector("h1").textContent;
  for (const part of parts) part.hidden = part !== here;
}
const look = async () => {
  try {
    const answer = await fetch("/static/icon.svg", { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
    if (answer.ok) { location.reload(); return; }
  } catch { /* not yet */ }
  setTimeout(look, EVERY_MS);
};
setTimeout(look, EVERY_MS);
