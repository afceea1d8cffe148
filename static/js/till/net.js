// The chip that says whether this till is online and what waits, and the list behind it.
import * as queue from "./queue.js";

const chip = document.getElementById("till-net");
const panel = document.getElementById("till-queue");

function show(event) {
  const { n, needs, online } = event.detail;
  const words = chip.dataset;
  const parts = [online ? words.online : words.offline];
  if (n) parts.push(`${n} ${words.toSend}`);
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
  panel.querySelector("[data-unsafe]").hidden = queue.safe;
  list.replaceChildren(...rows.map(line));
}

function line(row) {
  const made = document.getElementById("till-queue-row").content.cloneNode(true);
  const body = row.entry.body;
  made.querySelector("[data-what]").textContent = document.querySelector(`.places a[href$="/${row.kind === "enrol" ? "enrol" : "purchase"}/"] span`)?.textContent || row.kind;
  made.querySelector("[data-name]").textContent = body.given_name || body.amount || "";
  made.querySelector("[data-when]").textContent = new Date(row.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  made.querySelector("[data-why]").textContent = (row.problems || []).map((each) => each.detail).join(" ");
  const acts = made.querySelector(".acts");
  acts.hidden = !row.refused;
  made.querySelector("[data-discard]").addEventListener("click", () => queue.discard(row.id));
  made.querySelector("[data-again]").addEventListener("click", () => {
    const mine = new CustomEvent("till:refused", { detail: { id: row.id, kind: row.kind, body, problems: row.problems }, cancelable: true });
    if (!document.dispatchEvent(mine)) panel.close();
  });
  return made;
}

if (chip && panel) {
  document.addEventListener("till:queue", show);
  chip.addEventListener("click", () => { fill(); panel.showModal(); });
  panel.querySelector("[data-close]").addEventListener("click", () => panel.close());
  panel.querySelector("[data-sign-out]").addEventListener("click", async (event) => {
    const link = event.currentTarget;
    event.preventDefault();
    if (await queue.waiting()) panel.querySelector("[data-blocked]").hidden = false;
    else window.location.assign(link.href);
  });
  queue.start();
  queue.tell();
}

if ("serviceWorker" in navigator && document.body.dataset.pass) {
  navigator.serviceWorker.register(document.body.dataset.worker, { scope: "/store/" }).then(() => navigator.serviceWorker.ready).then((ready) => {
    ready.active.postMessage("keep");
    document.documentElement.dataset.kept = "1";
  }).catch(() => {});
}
