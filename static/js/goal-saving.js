// Goal and audience save themselves a moment after each edit. What is not saved (no connection, somebody was
// faster, it does not hold) is kept in this browser and sent, or asked about, when the page is there again.
import { forget, keep, kept } from "./kept.js";
import { mint } from "./mint.js";

const form = document.querySelector("form[data-kept]");
const line = document.getElementById("saved");
const echo = document.getElementById("saved-echo");
const banner = document.getElementById("stale-place");
const place = form.dataset.kept;
const WAIT = 800;
const AGAIN = 5000;

const touched = new Map(); // name of a field -> the number of its last edit
let edits = 0;
let unanswered = [];
let timer = 0;
let flight = null;
let dirty = false;
let stale = false;
let through = false;

const bad = ["offline", "busy", "refused", "stale"];

function tell(state, words) {
  line.textContent = words ?? line.dataset[state];
  line.classList.toggle("warn", Boolean(words) || bad.includes(state));
  if (state === "saved") line.textContent += ` ${new Date().toTimeString().slice(0, 5)}`;
  // The same at the foot of a long form, for eyes alone.
  echo.textContent = line.textContent;
  echo.classList.toggle("warn", line.classList.contains("warn"));
}

function remember() {
  if (!touched.size) return forget(place);
  const data = new FormData(form);
  const fields = [...touched.keys()].map((name) => [name, data.getAll(name)]);
  keep(place, { seen: form.elements.seen.value, unanswered, fields });
}

function put(name, values) {
  const field = form.elements[name];
  if (field.type === "checkbox") field.checked = values.length > 0;
  else field.value = values[0] ?? "";
}

// The mistakes of all that was touched, each at its field; the field keeps what was written.
function mark(errors) {
  for (const field of form.querySelectorAll("input[id], select[id], textarea[id]")) {
    const id = `error_1_${field.id}`;
    document.getElementById(id)?.remove();
    const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== id);
    const words = errors[field.name];
    field.classList.toggle("is-invalid", Boolean(words));
    if (words) {
      const said = document.createElement("span");
      said.id = id;
      said.className = "invalid-feedback";
      said.append(document.createElement("strong"));
      said.firstChild.textContent = words.join(" ");
      field.after(said);
      others.push(id);
      field.setAttribute("aria-invalid", "true");
    } else field.removeAttribute("aria-invalid");
    if (others.length) field.setAttribute("aria-describedby", others.join(" "));
    else field.removeAttribute("aria-describedby");
  }
}

function later(state) {
  dirty = true;
  tell(state);
  clearTimeout(timer);
  timer = setTimeout(save, AGAIN);
}

function packed() {
  const body = new URLSearchParams(new FormData(form));
  for (const name of touched.keys()) body.append("touched", name);
  for (const each of unanswered) body.append("unanswered", each);
  const key = mint();
  body.set("key", key);
  unanswered.push(key);
  remember();
  return body;
}

const post = (body, keepalive) => fetch(form.action, { method: "POST", body, keepalive, headers: { "HX-Request": "true" } });

async function send() {
  const sent = new Map(touched);
  dirty = false;
  tell("saving");
  try {
    const answer = await post(packed(), false);
    if (answer.status >= 500 || answer.status === 429) later("busy");
    else await take(answer, sent);
  } catch {
    later("offline");
  }
}

async function take(answer, sent) {
  const login = answer.headers.get("HX-Redirect");
  if (login) location.assign(login);
  else if (answer.status === 409) {
    stale = true;
    banner.innerHTML = await answer.text();
    tell("stale");
  } else if (answer.ok || answer.status === 422) accept(await answer.json(), sent);
  else tell("refused");
}

function accept(said, sent) {
  unanswered = [];
  form.elements.seen.value = said.seen;
  for (const [name, edit] of sent) {
    if (touched.get(name) === edit && !said.left.includes(name)) touched.delete(name);
  }
  remember();
  mark(said.errors);
  document.querySelector(".campaign-title h1").textContent = said.name;
  if (dirty) tell("unsaved");
  else if (said.told) tell("told", said.told);
  else tell("saved");
}

async function save() {
  clearTimeout(timer);
  while (flight) await flight;
  if (stale || !dirty) return;
  flight = send();
  await flight;
  flight = null;
}

function changed(event) {
  const { name } = event.target;
  if (stale) {
    if (name) touched.set(name, ++edits);
    return remember();
  }
  if (!name || event.target.type === "hidden") return;
  touched.set(name, ++edits);
  dirty = true;
  remember();
  tell("unsaved");
  clearTimeout(timer);
  timer = setTimeout(save, WAIT);
}

// What was kept when the page went away is there again, and goes out.
function restore() {
  const before = kept(place);
  const now = new FormData(form);
  for (const [name, values] of before?.fields ?? []) {
    if (!form.elements[name] || String(values) === String(now.getAll(name))) continue;
    put(name, values);
    touched.set(name, ++edits);
  }
  if (!touched.size) {
    line.textContent = line.dataset.saved; // all there is
    return forget(place);
  }
  form.elements.seen.value = before.seen;
  unanswered = before.unanswered;
  dirty = true;
  form.dispatchEvent(new Event("change", { bubbles: true }));
  save();
}

form.addEventListener("input", changed);
form.addEventListener("submit", async (event) => {
  if (through) return;
  event.preventDefault();
  const { submitter } = event;
  await save();
  const wrong = form.querySelector("[aria-invalid=true]");
  if (wrong) wrong.focus();
  if (wrong || stale || dirty || !submitter?.name) return;
  through = true;
  form.requestSubmit(submitter);
});
banner.addEventListener("click", (event) => {
  const mine = event.target.closest("[data-mine]");
  if (!mine && !event.target.closest("[data-theirs]")) return;
  if (mine) keep(place, { ...kept(place), seen: banner.querySelector("[data-seen]").dataset.seen, unanswered: [] });
  else forget(place);
  through = true;
  location.reload();
});
addEventListener("online", save);
addEventListener("pageshow", () => (through = false));
addEventListener("pagehide", () => {
  if (dirty && !stale && !through) post(packed(), true).catch(() => {});
});
if (!form.querySelector("fieldset").disabled) restore();
