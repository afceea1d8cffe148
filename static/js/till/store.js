// What a till keeps until it was sent: in IndexedDB, encrypted with a key that never leaves this browser.
const NAME = "cauce-till";

// Without https there is no encryption, and nothing is kept at rest.
export const safe = Boolean(globalThis.crypto && crypto.subtle && globalThis.indexedDB);

function asked(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

let opened = null;

function open() {
  opened = opened || new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("entries", { keyPath: "id" });
      request.result.createObjectStore("keys");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function rows(mode, name = "entries") {
  return (await open()).transaction(name, mode).objectStore(name);
}

async function key() {
  const known = await asked((await rows("readonly", "keys")).get("key"));
  if (known) return known;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  // Of two tabs that make one at once, the first stays.
  await asked((await rows("readwrite", "keys")).add(made, "key")).catch(() => null);
  return asked((await rows("readonly", "keys")).get("key"));
}

async function sealed(value) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const text = new TextEncoder().encode(JSON.stringify(value));
  return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key(), text) };
}

async function unsealed(box) {
  const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv: box.iv }, await key(), box.data);
  return JSON.parse(new TextDecoder().decode(text));
}

// `entry` as it is sent; `problems` once it was refused.
export async function put(entry, problems = null) {
  const box = await sealed(entry);
  const row = { id: entry.id, kind: entry.kind, at: entry.at, refused: problems !== null, problems, box };
  const store = await rows("readwrite");
  store.put(row);
  await new Promise((resolve, reject) => {
    store.transaction.oncomplete = resolve;
    store.transaction.onerror = () => reject(store.transaction.error);
  });
}

export async function remove(id) {
  await asked((await rows("readwrite")).delete(id));
}

// In the order in which they happened.
export async function all() {
  const found = await asked((await rows("readonly")).getAll());
  return found.sort((one, other) => (one.id < other.id ? -1 : 1));
}

export async function entryOf(row) {
  return unsealed(row.box);
}
