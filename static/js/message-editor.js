// A message saves itself: 800 ms after the last key, one request at a time, and says so.
import { fail } from "./toasts.js";

const WAIT = 800;
const AGAIN = 5000;
// What a browser still sends while a page goes away.
const LAST_WORDS = 60000;

const form = document.querySelector("[data-editor]");
const chip = document.getElementById("saved");
const checks = document.getElementById("checks");

let timer = 0;
let flight = null;
let dirty = false;
let stale = false;
let unanswered = [];

function tell(words, tone) {
  chip.querySelector("[data-words]").textContent = words;
  chip.className = `chip ${tone}`;
}

function clockTime() {
  return new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
}

function packed(key) {
  const data = new FormData(form);
  data.set("key", key);
  for (const each of unanswered) data.append("unanswered", each);
  return data;
}

// Toasts travel behind the fragment, out of band.
function show(html) {
  const piece = document.createElement("template");
  piece.innerHTML = html;
  const oob = piece.content.querySelector("#toasts");
  if (oob) {
    document.getElementById("toasts")?.append(...oob.children);
    oob.remove();
  }
  return piece.content;
}

async function answer(response) {
  const html = await response.text();
  if (response.status === 409) {
    stale = true;
    document.getElementById("stale-place").replaceChildren(show(html));
    tell(form.dataset.unsaved, "bad");
    return;
  }
  const content = show(html);
  if (!response.ok || response.headers.has("HX-Redirect")) {
    tell(form.dataset.unsaved, "bad");
    if (!response.ok && response.status !== 422) fail();
    if (response.headers.has("HX-Redirect")) location.assign(response.headers.get("HX-Redirect"));
    return;
  }
  form.elements.seen.value = response.headers.get("X-Seen");
  checks.replaceChildren(content);
  window.htmx?.process(checks);
  tell(`${form.dataset.saved} ${clockTime()}`, "ok");
  document.querySelector("[data-undo]")?.removeAttribute("disabled");
  document.querySelector("[data-redo]")?.setAttribute("disabled", "");
  const said = JSON.parse(response.headers.get("HX-Trigger") ?? "{}");
  document.body.dispatchEvent(new CustomEvent("draft-changed", { detail: said["draft-changed"] }));
}

async function send() {
  const key = crypto.randomUUID();
  const body = packed(key);
  unanswered.push(key);
  dirty = false;
  tell(form.dataset.saving, "");
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
    unanswered = [];
    await answer(response);
  } catch {
    // Whether it arrived is not known; the key says so when it is sent again.
    dirty = true;
    tell(form.dataset.offline, "warn");
    clearTimeout(timer);
    timer = setTimeout(save, AGAIN);
  }
}

export async function save() {
  clearTimeout(timer);
  if (stale) return;
  if (flight) {
    dirty = true;
    await flight;
    if (dirty) await save();
    return;
  }
  flight = send();
  await flight;
  flight = null;
}

function changed() {
  if (stale) return;
  dirty = true;
  tell(form.dataset.unsaved, "");
  clearTimeout(timer);
  timer = setTimeout(save, WAIT);
}

if (form && !form.querySelector("fieldset").disabled) {
  form.addEventListener("input", changed);
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.hasAttribute("data-unsaved") || (!flight && !dirty)) return;
    event.preventDefault();
    const { submitter } = event;
    if (dirty) await save();
    else await flight;
    if (!stale && !dirty) form.requestSubmit(submitter);
  });
  window.addEventListener("online", () => dirty && save());
  window.addEventListener("beforeunload", (event) => {
    if (!dirty || stale) return;
    const size = [...new FormData(form).values()].reduce((sum, value) => sum + value.length, 0);
    if (size > LAST_WORDS) event.preventDefault();
  });
  window.addEventListener("pagehide", () => {
    if (!dirty || stale) return;
    clearTimeout(timer);
    fetch(form.action, { method: "POST", body: packed(crypto.randomUUID()), keepalive: true, headers: { "HX-Request": "true" } });
  });
  // Other forms of the page (a test, undo) act on what is saved.
  document.addEventListener("submit", async (event) => {
    if (event.target === form || event.defaultPrevented || !(dirty || flight) || event.target.dataset.pictureAdd !== undefined) return;
    if (event.target.method !== "post") return;
    event.preventDefault();
    const { target, submitter } = event;
    if (dirty) await save();
    else await flight;
    if (!dirty) target.requestSubmit(submitter);
  });
}

// The preview: a frame of its own origin, turned without leaving a trace in the history.
const preview = document.querySelector("[data-preview]");
if (preview) {
  const frame = preview.querySelector("iframe");
  const box = preview.querySelector(".message-frame");
  const looks = new Set();
  const turn = () => {
    const url = new URL(frame.dataset.base, location.href);
    if (looks.has("dark")) url.searchParams.set("dark", "1");
    if (looks.has("text")) url.searchParams.set("view", "text");
    frame.contentWindow.location.replace(url);
  };
  preview.addEventListener("click", (event) => {
    const width = event.target.closest("[data-width]");
    if (width) {
      box.classList.toggle("narrow", width.dataset.width === "phone");
      for (const each of preview.querySelectorAll("[data-width]")) each.setAttribute("aria-pressed", String(each === width));
    }
    const look = event.target.closest("[data-look]");
    if (look) {
      const on = look.getAttribute("aria-pressed") !== "true";
      look.setAttribute("aria-pressed", String(on));
      if (on) looks.add(look.dataset.look);
      else looks.delete(look.dataset.look);
      turn();
    }
  });
  document.body.addEventListener("draft-changed", turn);
}
