// The chip that says whether this till is online and what waits, and the list behind it.
import * as queue from "./queue.js";

const chip = document.getElementById("till-net");
const panel = document.getElementById("till-queue");
const MEND = "till:mend";

function show(event) {
  const { n, needs, online, sending } = event.detail;
  const words = chip.dataset;
  const parts = [online ? words.online : words.offline];
  if (sending > 1) parts.splice(0, 1, `${words.sending} ${sending}`);
  else if (n) parts.push(`${n} ${words.toSend}`);
  if (needs) parts.push(`${needs} ${words.needs}`);
  chip.classList.toggle("off", !online);
  chip.classList.toggle("needs", needs > 0);
  const place = chip.querySelector("span");
  if (place.textContent !== parts.join(" · ")) place.textContent = parts.join(" · ");
  if (panel.open) fill();
}

async function fill() {
  const rows = await queue.listed();
  const list = panel.querySelector("[data-list]");
  panel.querySelector("[data-none]").hidden = rows.length > 0;
  list.replaceChildren(...rows.map(line));
}

function line(row) {
  const made = document.getElementById("till-queue-row").content.cloneNode(true);
  const body = row.entry ? row.entry.body : {};
  made.querySelector("[data-what]").textContent = document.querySelector(`.places a[href$="/${row.kind === "enrol" ? "enrol" : "purchase"}/"] span`)?.textContent || row.kind;
  made.querySelector("[data-name]").textContent = body.given_name || body.amount || "";
  made.querySelector("[data-when]").textContent = new Date(row.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  made.querySelector("[data-why]").textContent = (row.problems || []).map((each) => each.detail).join(" ");
  const acts = made.querySelector(".acts");
  acts.hidden = !row.refused;
  const discard = made.querySelector("[data-discard]");
  discard.addEventListener("click", () => {
    if (discard.dataset.asked) { queue.discard(row.id); return; }
    discard.dataset.asked = "1";
    discard.textContent = discard.dataset.sure;
  });
  const again = made.querySelector("[data-again]");
  again.hidden = !row.entry;
  again.addEventListener("click", () => mend(row));
  return made;
}

// Its form, filled again: here, or on the page that has it.
function mend(row) {
  const detail = { id: row.id, kind: row.kind, body: row.entry.body, problems: row.problems };
  if (!document.dispatchEvent(new CustomEvent("till:refused", { detail, cancelable: true }))) { panel.close(); return; }
  const place = document.querySelector(`.places a[href$="/${row.kind}/"]`);
  if (!place) return;
  sessionStorage.setItem(MEND, row.id);
  window.location.assign(place.href);
}

async function mendAsked() {
  const id = sessionStorage.getItem(MEND);
  sessionStorage.removeItem(MEND);
  const row = id && (await queue.listed()).find((each) => each.id === id && each.refused && each.entry);
  if (row) document.dispatchEvent(new CustomEvent("till:refused", { detail: { id, kind: row.kind, body: row.entry.body, problems: row.problems }, cancelable: true }));
}

if (chip && panel) {
  document.addEventListener("till:queue", show);
  chip.addEventListener("click", () => { fill(); panel.showModal(); });
  panel.querySelector("[data-close]").addEventListener("click", () => panel.close());
  panel.querySelector("[data-sign-out]").addEventListener("click", async (event) => {
    const link = event.currentTarget;
    event.preventDefault();
    if ((await queue.listed()).length) panel.querySelector("[data-blocked]").hidden = false;
    else window.location.assign(link.href);
  });
  for (const each of document.querySelectorAll("[data-unsafe]")) each.hidden = queue.safe;
  queue.start();
  queue.tell();
  mendAsked();
}

if ("serviceWorker" in navigator && document.body.dataset.pass) {
  navigator.serviceWorker.register(document.body.dataset.worker, { scope: "/store/" }).then(() => navigator.serviceWorker.ready).then((ready) => {
    ready.active.postMessage("keep");
    document.documentElement.dataset.kept = "1";
  }).catch(() => {});
}
