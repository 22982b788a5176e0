// The launch is sent once the button has been held for two seconds, by a finger or by a key.
// Until this script is there the form is shut, so that no Enter in it sends it unheld.
const HOLD_MS = 2000;
const button = document.getElementById("hold");
const form = document.getElementById("launch");
const said = document.getElementById("hold-how");

if (button) {
  let since = 0;
  let timer = 0;
  const show = () => {
    const share = since ? Math.min(1, (performance.now() - since) / HOLD_MS) : 0;
    button.style.setProperty("--held", `${Math.round(share * 100)}%`);
    if (since && share >= 1) send();
    else if (since) timer = requestAnimationFrame(show);
  };
  const send = () => {
    since = 0;
    button.disabled = true;
    said.textContent = said.dataset.sent;
    form.requestSubmit();
  };
  const begin = (event) => {
    if (event.button || since || button.disabled) return;
    event.preventDefault();
    if (!form.reportValidity()) return;
    since = performance.now();
    show();
  };
  const end = () => {
    if (!since) return;
    if (performance.now() - since >= HOLD_MS) { send(); return; }
    since = 0;
    cancelAnimationFrame(timer);
    show();
    said.textContent = said.dataset.again;
  };
  button.addEventListener("pointerdown", begin);
  for (const kind of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(kind, end);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if ((event.key === " " || event.key === "Enter") && !event.repeat) begin(event);
    else if (event.key === " " || event.key === "Enter") event.preventDefault();
  });
  button.addEventListener("keyup", end);
  // Enter in the password's field is no launch
  form.addEventListener("submit", (event) => { if (!button.disabled) event.preventDefault(); });
  document.getElementById("held").disabled = false;
  said.textContent = said.dataset.how;
}
