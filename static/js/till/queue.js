// What a till does is kept first and sent then: a crash, a lost answer or a dead network loses nothing, and the id
// it made itself lets the server do it once, however often it comes.
import * as store from "./store.js";
import { ulid } from "./ulid.js";

const AGAIN_MS = 30000;
const PATIENCE_MS = 4000;
const AT_ONCE = 20;
const LOCK = "cauce-till-queue";

const address = () => document.body.dataset.entries;
const listeners = new Map();
let online = navigator.onLine;
let unsent = new Map(); // what is not kept at rest, where that is not possible

export const safe = store.safe;

// `await add("enrol", {...})` → {state: "done" | "waiting" | "refused" | "kept", answer, problems}
export async function add(kind, body) {
  const entry = { id: ulid(), kind, at: new Date().toISOString(), pass: document.body.dataset.pass || "", body };
  try {
    if (!store.safe) throw new Error("no encryption");
    await store.put(entry);
  } catch {
    unsent.set(entry.id, entry); // a full disk stops nobody while there is a network
  }
  const answered = new Promise((resolve) => listeners.set(entry.id, resolve));
  const late = new Promise((resolve) => { setTimeout(() => resolve({ state: "kept", answer: {}, problems: [] }), PATIENCE_MS); });
  send();
  const told = await Promise.race([answered, late]);
  listeners.delete(entry.id);
  if (told.state === "refused") await discard(entry.id); // its form is still there, with what was typed
  await tell();
  return told;
}

export async function waiting() {
  const rows = await listed();
  return rows.filter((row) => !row.refused).length;
}

// All that is here: {id, kind, at, refused, problems, entry}. What cannot be read any more is not sent and stops
// nothing behind it.
export async function listed() {
  const held = [...unsent.values()].map((entry) => ({ ...entry, refused: false, problems: null, entry }));
  if (!store.safe) return held;
  const rows = await store.all().catch(() => []);
  const read = (row) => store.entryOf(row).then((entry) => ({ ...row, entry }), () => ({ ...row, refused: true, entry: null }));
  return [...await Promise.all(rows.map(read)), ...held];
}

export async function discard(id) {
  unsent.delete(id);
  if (store.safe) await store.remove(id);
  await tell();
}

export async function tell() {
  const rows = await listed();
  const n = rows.filter((row) => !row.refused).length;
  const needs = rows.length - n;
  document.dispatchEvent(new CustomEvent("till:queue", { detail: { n, needs, online, sending, oldest: rows.length ? rows[0].at : null } }));
}

let running = null;
let asked = false;
let sending = 0;

// One tab sends at a time; if two did, the server would still do each thing once. What is added while a round ends
// is sent by one more.
export function send() {
  if (running) asked = true;
  running = running || once().catch(() => null).finally(() => {
    running = null;
    if (asked) { asked = false; send(); }
  });
  return running;
}

async function once() {
  if (navigator.locks) await navigator.locks.request(LOCK, round);
  else await round();
}

async function round() {
  const tried = new Set();
  for (;;) {
    const rows = (await listed()).filter((row) => !row.refused && !tried.has(row.id)).slice(0, AT_ONCE);
    if (!rows.length) break;
    for (const row of rows) tried.add(row.id);
    sending = rows.length;
    if (sending > 1) await tell();
    const answers = await post(rows.map((row) => row.entry));
    sending = 0;
    if (!answers) {
      for (const row of rows) hear(row.id, { state: "kept", answer: {}, problems: [] }); // nobody waits in vain
      break;
    }
    for (const answer of answers) await settle(answer, rows);
  }
  await tell();
}

function hear(id, told) {
  const heard = listeners.get(id);
  if (heard) heard(told);
}

async function settle(answer, rows) {
  if (!["done", "waiting", "refused"].includes(answer.state)) { // it broke there: it stays and is sent again
    hear(answer.id, { state: "kept", answer: {}, problems: [] });
    return;
  }
  const row = rows.find((each) => each.id === answer.id);
  if (answer.state === "refused") {
    if (store.safe && row && !unsent.has(answer.id)) await store.put(row.entry, answer.problems);
    else unsent.delete(answer.id);
  } else {
    unsent.delete(answer.id);
    if (store.safe) await store.remove(answer.id);
  }
  hear(answer.id, answer);
}

// The answers, or nothing where there was none: all of it stays.
async function post(entries) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 20000);
  try {
    const answer = await fetch(address(), {
      method: "POST", credentials: "same-origin", cache: "no-store", signal: stop.signal,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-Till": "1" },
      body: JSON.stringify({ entries }),
    });
    online = true;
    if (answer.status === 401) await forgetPages();
    if (!answer.ok) return null;
    return (await answer.json()).entries;
  } catch {
    online = false;
    return null;
  } finally {
    clearTimeout(timer);
  }
}

// A till that was revoked keeps no page; what it has not sent stays until it is one again or somebody discards it.
async function forgetPages() {
  if (!globalThis.caches) return;
  navigator.serviceWorker?.controller?.postMessage("drop");
  for (const name of await caches.keys()) if (name.startsWith("cauce-till-")) await caches.delete(name);
}

export function start() {
  window.addEventListener("beforeunload", (event) => { if (unsent.size) event.preventDefault(); });
  if (store.safe && navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => null);
  window.addEventListener("online", () => { online = true; send(); });
  window.addEventListener("offline", () => { online = false; tell(); });
  setInterval(send, AGAIN_MS);
  send();
}
