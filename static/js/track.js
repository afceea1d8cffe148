// <script src="https://crm.example/static/js/track.js" data-key="wk_…" async></script>
// cauce.identify(userId, traits) · cauce.track(event, properties) · cauce.page(name, properties) · cauce.reset()
// What is called before it is there waits in `window.cauce = window.cauce || []`, as ["track", "Product Added", {…}].
(() => {
  const tag = document.currentScript;
  const url = new URL("/v1/b", tag.dataset.host || tag.src).href;
  const waiting = Array.isArray(window.cauce) ? window.cauce : [];
  // Whoever tells their browser that they are not to be tracked is not: nothing is kept, nothing is sent.
  const no = navigator.globalPrivacyControl || navigator.doNotTrack === "1" || window.doNotTrack === "1";
  const uuid = () => ([1e7] + -1e3 + -4e3 + -8e3 + -1e11).replace(/[018]/g, (c) =>
    (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16));

  // First-party, a year; the cookie is also seen by the shop's server, and outlives what a browser clears of the rest.
  const kept = (name, value) => {
    const key = `cauce_${name}`;
    try {
      if (value === null) localStorage.removeItem(key);
      else if (value !== undefined) localStorage.setItem(key, value);
    } catch { /* none here: the cookie does */ }
    if (value !== undefined) {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `${key}=${encodeURIComponent(value ?? "")}; path=/; SameSite=Lax; max-age=${value === null ? 0 : 31536000}${secure}`;
      return value;
    }
    const cookie = document.cookie.match(`(?:^|; )${key}=([^;]+)`);
    let local = null;
    try { local = localStorage.getItem(key); } catch { /* as above */ }
    return (cookie && decodeURIComponent(cookie[1])) || local;
  };

  let queue = [], timer = 0, pause = 1000;
  const body = (batch) => JSON.stringify({ batch, writeKey: tag.dataset.key, sentAt: new Date().toISOString() });
  const later = (ms) => { timer ||= setTimeout(flush, ms); };
  async function flush() {
    timer = 0;
    const batch = queue.splice(0, 20);
    if (!batch.length) return;
    let status = 0;
    try {
      const answer = await fetch(url, { method: "POST", body: body(batch), keepalive: true, credentials: "omit" });
      status = answer.status;
    } catch { /* away: tried again */ }
    if (status === 0 || status === 429 || status >= 500) {
      queue = batch.concat(queue).slice(-200);
      later(pause = Math.min(pause * 2, 60000));
    } else {
      pause = 1000;
      if (queue.length) later(0);
    }
  }
  addEventListener("pagehide", () => {
    while (queue.length) {
      const batch = queue.splice(0, 20);
      if (!navigator.sendBeacon(url, body(batch))) { queue = batch.concat(queue); return; }
    }
  });

  function send(type, more) {
    if (no) return;
    const page = { url: location.href, path: location.pathname, title: document.title, search: location.search, referrer: document.referrer };
    const user = kept("user");
    queue.push({
      type, messageId: uuid(), timestamp: new Date().toISOString(), anonymousId: kept("id") || kept("id", uuid()),
      ...(user && { userId: user }), ...more, context: { page, library: { name: "cauce.js" } },
    });
    later(300);
  }
  const cauce = {
    identify(user, traits) {
      if (user && typeof user === "object") [user, traits] = [null, user];
      if (user && !no) kept("user", String(user));
      send("identify", { traits: traits || {} });
    },
    track: (event, properties) => send("track", { event, properties: properties || {} }),
    page: (name, properties) => send("page", { name, properties: { url: location.href, title: document.title, ...properties } }),
    reset() { kept("user", null); kept("id", null); },
    push: ([name, ...said]) => cauce[name]?.(...said),
  };
  window.cauce = cauce;
  waiting.forEach(cauce.push);
})();
