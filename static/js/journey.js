// The journey builder: keys, clicks, zoom, numbers on the steps, and who else is here.
import { refresh, start as startEdits, turn, folded, fold, send } from "./journey-edits.js";
import { pick, search } from "./journey-picker.js";
import { act, rename } from "./journey-steps.js";
import { choose, close, currentId, find, go, isOutline, open, start as startTree } from "./journey-tree.js";

const root = document.getElementById("builder");
const main = document.getElementById("main");
const can = Boolean(root.dataset.can);

// --- keys -----------------------------------------------------------------------------------

const PLAIN = {
  a: () => can && act("add"),
  m: () => act("move"),
  n: () => act("note"),
  f: () => act("fold"),
  o: () => document.querySelector(`[data-view-is="${isOutline() ? "canvas" : "outline"}"]`)?.click(),
  "/": search,
  "?": () => document.getElementById("keys").showModal(),
  "+": () => zoom(1),
  "-": () => zoom(-1),
  0: () => zoom(0),
  Delete: () => act("remove"),
  Backspace: () => act("remove"),
};
const HELD = {
  z: () => can && turn("undo"),
  y: () => can && turn("redo"),
  c: () => act("copy"),
  x: () => act("cut"),
  v: () => can && act("paste"),
  d: () => act("duplicate"),
};

function answer(event) {
  const { key } = event;
  if (event.ctrlKey || event.metaKey) {
    const letter = key.toLowerCase();
    if (letter === "c" && String(getSelection())) return undefined;
    if (letter === "z" && event.shiftKey) return can && turn("redo");
    return HELD[letter] ? HELD[letter]() : undefined;
  }
  if (event.altKey) return { ArrowUp: () => act("up"), ArrowDown: () => act("down") }[key]?.();
  if (key.startsWith("Arrow") || key === "Home" || key === "End") return go(key) || undefined;
  if (key === "Escape") return close();
  if (key === "Enter" && event.target.getAttribute("role") === "treeitem") return open(currentId(), { into: true });
  return PLAIN[key] ? PLAIN[key]() : undefined;
}

const KNOWN = (event) => {
  const letter = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) return letter in HELD && !(letter === "c" && String(getSelection()));
  if (event.altKey) return event.key === "ArrowUp" || event.key === "ArrowDown";
  if (event.key === "Enter") return event.target.getAttribute("role") === "treeitem";
  const arrow = event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End";
  return event.key in PLAIN || (arrow && (main.contains(event.target) || event.target === document.body));
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select, [contenteditable], #panel, details[open]")) return;
  if (event.key === "Escape") close();
  if (!KNOWN(event)) return;
  event.preventDefault();
  answer(event);
});

// --- clicks ---------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const plus = at(".plus");
  if (plus) return pick(JSON.parse(plus.dataset.place));
  if (at("[data-undo-edit]")) return turn("undo");
  if (at("[data-redo-edit]")) return turn("redo");
  if (at("[data-rename]")) return rename();
  if (at("[data-menu-of]")) return act("menu", at("[data-menu-of]").dataset.menuOf);
  if (at("[data-unfold]")) {
    folded.delete(at("[data-unfold]").dataset.unfold);
    return fold();
  }
  if (at("[data-entry]")) {
    send({ do: "set", path: "entry", value: JSON.parse(at("[data-entry]").dataset.entry) });
    return choose("");
  }
  if (at("[data-view-is]")) return view(event, at("[data-view-is]"));
  if (at("[data-zoom]")) return zoom({ "+": 1, "-": -1, fit: "fit" }[at("[data-zoom]").dataset.zoom]);
  const deed = at("[data-do]");
  if (deed) {
    const dialog = deed.closest("dialog");
    dialog?.close();
    return act(deed.dataset.do, dialog ? dialog.dataset.of : currentId(), { into: !event.detail });
  }
  if (at("[data-fix]")) return open(at("[data-fix]").dataset.fix, { into: !event.detail });
  const item = at("[data-step], [data-lane]");
  if (!item || at("a[href]") || !main.contains(item)) return undefined;
  choose(item.dataset.id);
  return item.dataset.step === undefined ? undefined : open(item.dataset.id, { into: !event.detail });
});

// A long press, or the other button of the mouse.
main.addEventListener("contextmenu", (event) => {
  const item = event.target.closest("[data-step]") ?? event.target.closest(".node")?.querySelector("[data-step]");
  if (!item?.dataset.id || !can) return;
  event.preventDefault();
  act("menu", item.dataset.id);
});

function view(event, link) {
  event.preventDefault();
  const query = new URLSearchParams(location.search);
  link.dataset.viewIs === "outline" ? query.set("view", "outline") : query.delete("view");
  const text = query.toString();
  history.replaceState(history.state, "", text ? `${root.dataset.here}?${text}` : root.dataset.here);
  for (const each of document.querySelectorAll("[data-view-is]")) {
    each === link ? each.setAttribute("aria-current", "true") : each.removeAttribute("aria-current");
  }
  refresh().then(() => choose(currentId()));
}

// --- zoom -----------------------------------------------------------------------------------

let scale = Number(localStorage.getItem("cauce.zoom") ?? 1) || 1;

function zoom(step) {
  const tree = main.querySelector(".tree");
  if (!tree) return;
  if (step === 0) scale = 1;
  else if (step === "fit") {
    const wide = (main.clientWidth - 80) / (tree.scrollWidth || 1);
    const high = (main.clientHeight - 80) / (tree.scrollHeight || 1);
    scale = Math.min(1, Math.max(0.25, Math.min(wide, high)));
  } else scale = Math.min(1.5, Math.max(0.25, Math.round((scale + step * 0.1) * 10) / 10));
  localStorage.setItem("cauce.zoom", String(scale));
  apply();
}

function apply() {
  const tree = main.querySelector(".tree");
  if (tree) tree.style.zoom = scale;
  document.getElementById("zoom").textContent = `${Math.round(scale * 100)} %`;
}

// --- numbers --------------------------------------------------------------------------------

let numbers = null;

async function count() {
  if (document.hidden || !document.getElementById("board").dataset.stats) return;
  const answered = await fetch(`${root.dataset.counts}${location.search}`, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answered?.status !== 200) return;
  numbers = new DOMParser().parseFromString(await answered.text(), "text/html");
  write();
}

// The numbers do not change with an edit: put them into the new drawing.
function write() {
  if (!numbers) return;
  for (const line of numbers.querySelectorAll("[data-for]")) {
    for (const room of main.querySelectorAll(`[data-counts="${CSS.escape(line.dataset.for)}"]`)) {
      room.replaceChildren(...[...line.children].map((each) => each.cloneNode(true)));
    }
  }
  for (const lane of numbers.querySelectorAll("[data-lane-for]")) {
    const room = main.querySelector(`[data-lane-count="${CSS.escape(lane.dataset.laneFor)}"]`);
    room?.querySelector(".lane-number")?.remove();
    const number = document.createElement("span");
    number.className = "lane-number";
    number.append("· ", ...[...lane.childNodes].map((each) => each.cloneNode(true)));
    room?.append(number);
  }
}

document.getElementById("counts-form")?.addEventListener("change", (event) => event.currentTarget.requestSubmit());
document.addEventListener("journey:drawn", () => {
  apply();
  write();
});

// --- who else is here -----------------------------------------------------------------------

async function present() {
  if (!can || document.hidden) return;
  const headers = { "HX-Request": "true", "X-CSRFToken": root.dataset.token };
  const answered = await fetch(root.dataset.present, { method: "POST", headers }).catch(() => null);
  if (answered?.status === 200) document.getElementById("others").innerHTML = await answered.text();
}

// The canvas begins in the middle of its tree.
function centre() {
  const tree = main.querySelector(".tree");
  if (tree && !find(currentId())?.dataset.id) main.scrollLeft = (main.scrollWidth - main.clientWidth) / 2;
}

apply();
centre();
startTree();
startEdits();
count();
present();
setInterval(present, 20000);
// Numbers are live: read again each minute, and when somebody comes back to the page.
setInterval(count, 60000);
document.addEventListener("visibilitychange", count);
