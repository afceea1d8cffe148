// Lets a till work without network: its empty forms and their files are kept here, and nothing about anybody.
const NAME = "cauce-till-{{ version }}";
const FILES = [{% for each in files %}"{{ each|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];
const PAGES = [{% for each in pages %}"{{ each|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];
const PATIENCE_MS = 3000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((kept) => kept.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name.startsWith("cauce-till-") && name !== NAME).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

// A page that was answered as it was asked: a lock page in its place is not kept.
async function keepPage(path, answer) {
  if (answer.ok && !answer.redirected) await (await caches.open(NAME)).put(path, answer.clone());
  return answer;
}

async function page(request, path) {
  const late = new Promise((resolve, reject) => { setTimeout(() => reject(new Error("late")), PATIENCE_MS); });
  try {
    return await Promise.race([fetch(request).then((answer) => keepPage(path, answer)), late]);
  } catch (error) {
    const kept = await caches.match(path, { cacheName: NAME });
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("message", (event) => {
  if (event.data !== "keep") return;
  const keep = (path) => fetch(path, { credentials: "same-origin" }).then((answer) => keepPage(path, answer)).catch(() => null);
  event.waitUntil(Promise.all(PAGES.map(keep)));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (PAGES.includes(url.pathname) && !url.search) event.respondWith(page(request, url.pathname));
    else if (url.pathname === "{{ home|escapejs }}") event.respondWith(fetch(request).catch(() => caches.match(PAGES[0], { cacheName: NAME })));
    return;
  }
  if (FILES.includes(url.pathname)) {
    event.respondWith(caches.match(request, { cacheName: NAME }).then((kept) => kept || fetch(request)));
  }
});
