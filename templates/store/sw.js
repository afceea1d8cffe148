// Lets a till work without network: its empty forms and their files are kept here, and nothing about anybody.
const NAME = "cauce-till-{{ version }}";
const FILES = [{% for each in files %}"{{ each|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];
const PAGES = [{% for each in pages %}"{{ each|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];
const PATIENCE_MS = 3000;

const ours = async (but) => (await caches.keys()).filter((name) => name.startsWith("cauce-till-") && name !== but);
const drop = async (but) => Promise.all((await ours(but)).map((name) => caches.delete(name)));
// What was asked for before all was dropped is kept no more when it comes.
let dropped = 0;
const dropAll = () => { dropped += 1; return drop(); };

// The pages too: a newer worker must not leave the till without them until somebody opens them.
self.addEventListener("install", (event) => {
  const files = FILES.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(NAME).then((kept) => kept.addAll(files)).then(keepAll).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(drop(NAME).then(() => self.clients.claim()));
});

// A page that was answered as it was asked: a lock page in its place is not kept.
async function keepPage(path, answer, asked) {
  if (answer.ok && !answer.redirected && asked === dropped) await (await caches.open(NAME)).put(path, answer.clone());
  return answer;
}

function keepAll() {
  const asked = dropped;
  const keep = (path) => fetch(path, { credentials: "same-origin" }).then((answer) => keepPage(path, answer, asked)).catch(() => null);
  return Promise.all(PAGES.map(keep));
}

// The network first, for three seconds; then what is kept. Where nothing is kept, the network has all the time it takes.
async function page(request, path) {
  const late = new Promise((resolve, reject) => { setTimeout(() => reject(new Error("late")), PATIENCE_MS); });
  const asked = dropped;
  const fresh = fetch(request).then((answer) => keepPage(path, answer, asked));
  fresh.catch(() => null);
  try {
    const answer = await Promise.race([fresh, late]);
    if (answer.status < 500) return answer;
  } catch {
    // Late, or no network.
  }
  return (await caches.match(path, { cacheName: NAME })) || fresh;
}

// The page that asks for a code says that this browser is a till no more: nothing of one stays.
async function home(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await dropAll();
    return answer;
  } catch (error) {
    const kept = await caches.match(PAGES[0], { cacheName: NAME });
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("message", (event) => {
  if (event.data === "keep") event.waitUntil(keepAll());
  if (event.data === "drop") event.waitUntil(dropAll());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (PAGES.includes(url.pathname) && !url.search) event.respondWith(page(request, url.pathname));
    else if (url.pathname === "{{ home|escapejs }}") event.respondWith(home(request));
    return;
  }
  if (FILES.includes(url.pathname)) {
    event.respondWith(caches.match(request, { cacheName: NAME }).then((kept) => kept || fetch(request)));
  }
});
