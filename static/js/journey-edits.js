// Edits of the draft: kept in the page until the server has them, sent one after the other, drawn from its answer.
import { fail } from "./toasts.js";

const root = document.getElementById("builder");
const saved = document.getElementById("saved");
const stale = document.getElementById("stale-place");
const KEY = `cauce.edits.${root.dataset.campaign}`;
const FOLDS = `cauce.folds.${root.dataset.campaign}`;
const narrow = matchMedia("(max-width: 1023px)");

let queue = read(KEY);
let busy = false;
let retry = 0;
export const folded = new Set(read(FOLDS));

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "[]");
  } catch {
    return [];
  }
}

export const pending = () => queue.length > 0;
const keep = () => sessionStorage.setItem(KEY, JSON.stringify(queue));

export function mint() {
  const letters = "abcdefghijkmnpqrstuvwxyz23456789";
  return `s${[...crypto.getRandomValues(new Uint8Array(7))].map((byte) => letters[byte % letters.length]).join("")}`;
}

// What the page shows: its own address, but under 1024 px the outline whatever the address says.
export function shown() {
  const query = new URLSearchParams(location.search);
  if (narrow.matches) query.set("view", "outline");
  return query.toString();
}

const headers = () => ({
  "HX-Request": "true",
  "X-CSRFToken": root.dataset.token,
  "X-Board": shown(),
  "X-Folded": [...folded].join(","),
});

function tell(state) {
  saved.classList.toggle("warn", state === "offline");
  if (state !== "saved") saved.textContent = saved.dataset[state];
  else saved.textContent = `${saved.dataset.saved} ${new Date().toTimeString().slice(0, 5)}`;
}

const revision = () => document.getElementById("board").dataset.revision;

function swap(html) {
  const parts = new DOMParser().parseFromString(html, "text/html").body.children;
  for (const part of [...parts]) {
    const old = part.id && document.getElementById(part.id);
    if (old && part.id !== "toasts") old.replaceWith(document.adoptNode(part));
    if (part.id === "toasts") document.getElementById("toasts").append(...part.children);
  }
  document.dispatchEvent(new CustomEvent("journey:drawn"));
}

// Draw again what the server has. An answer that was overtaken, by an edit or by another look, is let go.
let looks = 0;
export async function refresh() {
  looks += 1;
  const mine = looks;
  try {
    const answer = await fetch(`${root.dataset.here}?${shown()}`, { headers: headers() });
    const html = await answer.text();
    if (answer.status === 200 && mine === looks) swap(html);
  } catch {
    tell("offline");
  }
}

export function fold() {
  sessionStorage.setItem(FOLDS, JSON.stringify([...folded]));
  return refresh();
}

export function send(command) {
  queue.push({ verb: "edit", command: { ...command, key: mint() + mint() } });
  keep();
  pump();
}

export function turn(verb) {
  queue.push({ verb });
  keep();
  pump();
}

function post(item) {
  const body = new URLSearchParams({ revision: revision() });
  if (item.command) body.set("command", JSON.stringify(item.command));
  return fetch(root.dataset[item.verb], { method: "POST", headers: headers(), body });
}

async function pump() {
  if (busy || !queue.length || stale.firstElementChild) return;
  busy = true;
  tell("saving");
  try {
    while (queue.length && (await take(await post(queue[0]))));
    if (!queue.length) tell("saved");
  } catch {
    later();
  }
  busy = false;
}

function later() {
  tell("offline");
  clearTimeout(retry);
  retry = setTimeout(pump, 5000);
}

// True: go on with the next one.
async function take(answer) {
  const login = answer.headers.get("HX-Redirect");
  if (login) {
    location.href = login;
    return false;
  }
  if (answer.status === 409) {
    stale.innerHTML = await answer.text();
    tell("offline");
    return false;
  }
  if (answer.status >= 500 || answer.status === 429) {
    later();
    return false;
  }
  const html = answer.ok ? await answer.text() : "";
  queue.shift();
  keep();
  looks += 1;
  if (answer.ok) swap(html);
  else {
    fail(answer.status === 422 ? (await answer.json()).detail : undefined);
    await refresh();
  }
  return true;
}

stale.addEventListener("click", async (event) => {
  const theirs = event.target.closest("[data-theirs]");
  const mine = event.target.closest("[data-on-top]");
  if (!theirs && !mine) return;
  if (theirs) {
    queue = [];
    keep();
  }
  stale.replaceChildren();
  await refresh();
  if (queue.length) pump();
  else tell("saved");
});

addEventListener("online", pump);
addEventListener("beforeunload", (event) => {
  if (queue.length) event.preventDefault();
});
// Another part of the page (the panel, a message) has changed the draft.
document.addEventListener("draft-changed", () => refresh().then(() => tell("saved")));
narrow.addEventListener("change", refresh);

export function start() {
  const board = document.getElementById("board");
  const view = new URLSearchParams(shown()).get("view") === "outline" ? "outline" : "canvas";
  if (board.dataset.view !== view || folded.size) refresh();
  pump();
}
