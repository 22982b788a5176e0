// Sends files in pieces and goes on where it stopped: after lost Wi-Fi, a restarted server, a new signing in.
import { sha256 } from "./sha256.js";

const box = document.getElementById("upload");
const input = document.getElementById("files");
const said = document.getElementById("said");
const trouble = document.getElementById("trouble");
const why = document.getElementById("why");
const signIn = document.getElementById("sign-in");
const bar = document.getElementById("all");
const done = document.getElementById("done");
const button = done.querySelector("button");
const before = !button.disabled; // whole files are here from an earlier time
const LEAST = 256 * 1024;
const MOST_NAMED = 3;
const MOST = Number(box.dataset.most);
const WAIT_MS = 3000;
const TIMEOUT_MS = 120000;
const place = `/uploads/${box.dataset.uid}`;
let token = box.dataset.token;
let piece = 1024 * 1024; // grows while all goes well, shrinks when it does not
let busy = false;
let again = false;

const pause = () => new Promise((go) => { setTimeout(go, WAIT_MS); });
const keyOf = (name, size, modified) => `${size} ${modified} ${name}`;
const fill = (text, values) => text.replace(/…(\d)/g, (_, at) => values[at]);
const mega = (bytes) => (bytes / 1e6).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });

function tell(text) {
  trouble.hidden = !text;
  why.textContent = text;
}

class SignedOut extends Error {}
class Refusal extends Error {}

/** Ask, with an end to patience; null when the answer is no answer of ours. */
async function ask(path, options) {
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(path, { credentials: "same-origin", redirect: "manual", signal: stop.signal, ...options });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) throw new SignedOut();
    const json = (answer.headers.get("content-type") || "").startsWith("application/json");
    return { status: answer.status, told: json ? await answer.json() : null };
  } finally {
    clearTimeout(late);
  }
}

async function state() {
  const { status, told } = await ask(`${place}.json`);
  if (status !== 200 || !told) throw new Error(String(status));
  token = told.token;
  for (const field of done.querySelectorAll("input[type=hidden]")) field.value = token;
  signIn.hidden = true;
  return told;
}

/** Do something until it is done: no Wi-Fi, no server and nobody signed in are waited out. */
async function patiently(work) {
  for (;;) {
    try {
      const result = await work();
      tell("");
      return result;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const out = error instanceof SignedOut;
      signIn.hidden = !out;
      tell(out ? box.dataset.signedOut : box.dataset.waiting);
      piece = Math.max(LEAST, piece / 2);
      await pause();
      if (out) await state().catch(() => {});
    }
  }
}

async function send(file, at) {
  const data = await file.slice(at, at + Math.floor(piece)).arrayBuffer();
  const { status, told } = await ask(`${place}/piece`, {
    method: "POST",
    body: data,
    headers: {
      "content-type": "application/octet-stream", "x-form-token": token, "x-file-name": encodeURIComponent(file.name),
      "x-file-size": String(file.size), "x-file-modified": String(file.lastModified), "x-file-offset": String(at),
      "x-file-sha256": await sha256(data),
    },
  });
  if (status === 200 && told) {
    piece = Math.min(MOST, piece * 2);
    return told;
  }
  if (status === 409 && told) return { kept: told.kept };
  if (told && told.text) throw new Refusal(told.text);
  throw new Error(String(status)); // too many at once, a server being started: later
}

async function sendAll(files) {
  const there = new Map((await patiently(state)).files.map((one) => [keyOf(one.name, one.size, one.modified), one]));
  const room = (await patiently(state)).room;
  const found = files.map((file) => ({ file, known: there.get(keyOf(file.name, file.size, file.lastModified)) }));
  const all = files.reduce((sum, file) => sum + file.size, 0) || 1;
  let kept = found.reduce((sum, { known }) => sum + (known ? known.kept : 0), 0);
  if (all - kept > room) throw new Refusal(fill(box.dataset.room, [mega(all - kept), mega(room)]));
  let whole = 0;
  const passed = [];
  for (const { file, known } of found) {
    let at = known ? known.kept : 0;
    let aside = Boolean(known && known.passed);
    while (at < file.size && !aside) {
      const told = await patiently(() => send(file, at));
      kept += told.kept - at;
      at = told.kept;
      aside = Boolean(told.passed);
      bar.value = Math.min(1000, Math.round(1000 * kept / all));
      said.textContent = fill(box.dataset.sending, [whole + 1, files.length, mega(kept), mega(all)]);
    }
    if (aside) { passed.push(file.name); kept += file.size - at; } else whole += 1;
  }
  bar.value = 1000;
  said.textContent = whole || !passed.length ? fill(box.dataset.whole, [whole]) : "";
  if (passed.length) tell(notTaken(passed));
  return whole > 0 || before;
}

/** Which files were not taken, and why. */
function notTaken(names) {
  const named = names.slice(0, MOST_NAMED).join(", ") + (names.length > MOST_NAMED ? ", …" : "");
  return fill(box.dataset.passed, [names.length, named, box.dataset.reason]);
}

async function start() {
  if (busy) { again = true; return; }
  busy = true;
  button.disabled = true;
  try {
    let some;
    do {
      again = false;
      some = await sendAll([...input.files]);
    } while (again);
    button.disabled = !some;
  } catch (error) {
    tell(error.message);
  }
  busy = false;
}

input.addEventListener("change", start);
addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });
box.dataset.ready = "yes";
