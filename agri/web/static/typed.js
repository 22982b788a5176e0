// Who changes the language in the middle of a form goes on with what was typed, in this tab, on the same page.
const KEY = "agri-typed";
const BOXES = ["checkbox", "radio"];
const NEVER = ["hidden", "password", "file"];

function typed() {
  const every = document.querySelectorAll("main form[method=post] :is(input, textarea, select)");
  return [...every].filter((one) => one.name && !NEVER.includes(one.type));
}

function recall() {
  const kept = JSON.parse(sessionStorage.getItem(KEY));
  sessionStorage.removeItem(KEY);
  const fields = typed();
  if (kept?.path !== location.pathname || kept.told.length !== fields.length) return;
  fields.forEach((one, at) => {
    const [name, value] = kept.told[at];
    const known = one.tagName !== "SELECT" || [...one.options].some((option) => option.value === value);
    if (name !== one.name || !known) return;
    if (BOXES.includes(one.type)) one.checked = value;
    else one.value = value;
    one.dispatchEvent(new Event("input", { bubbles: true }));
    one.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

function keep(link) {
  const path = new URL(new URL(link.href).searchParams.get("back"), location.href).pathname;
  const told = typed().map((one) => [one.name, BOXES.includes(one.type) ? one.checked : one.value]);
  sessionStorage.setItem(KEY, JSON.stringify({ path, told }));
}

try {
  recall();
} catch { /* a browser that keeps nothing, or something else under this name */ }
for (const link of document.querySelectorAll("header a[hreflang]")) {
  link.addEventListener("click", () => {
    try {
      keep(link);
    } catch { /* a browser that keeps nothing: the form is empty after */ }
  });
}
