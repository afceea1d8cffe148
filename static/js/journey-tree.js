// Which step is meant, going from step to step by arrows, and the panel of a step with its address.
import { pending } from "./journey-edits.js";

const root = document.getElementById("builder");
const panel = document.getElementById("panel");
const main = document.getElementById("main");
const ITEMS = "[data-step], [data-lane]";

// The way in is no step: in addresses it is called "entry".
const ENTRY = "entry";
const asked = () => new URLSearchParams(location.search).get("step") ?? "";
const idOf = (step) => (step === ENTRY ? "" : step);

let current = idOf(asked());
let inside = false; // whether focus was in the tree before it was drawn again

export const items = () => [...main.querySelectorAll(ITEMS)].filter((item) => item.checkVisibility());
export const find = (id) => main.querySelector(`[data-id="${CSS.escape(id)}"]`);
export const isOutline = () => document.getElementById("board")?.dataset.view === "outline";
export const here = () => find(current) ?? main.querySelector(ITEMS);
export const currentId = () => current;

export function choose(id, { focus = true } = {}) {
  current = id;
  inside ||= focus;
  mark();
  if (!focus) return;
  const item = find(id);
  const last = document.activeElement;
  // What was focused before a dialog may have been drawn anew: the keys must not go on into the closed one.
  if (item) item.focus();
  else if (last?.closest("dialog:not([open])")) last.blur();
}

function mark() {
  const open = asked();
  const chosen = here();
  for (const item of main.querySelectorAll(ITEMS)) {
    if (item.getAttribute("role") === "treeitem") {
      item.tabIndex = item === chosen ? 0 : -1;
      item.setAttribute("aria-selected", String(item === chosen));
    } else if (open && item.dataset.id === idOf(open)) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
}

main.addEventListener("focusin", (event) => {
  const item = event.target.closest(ITEMS);
  if (!item) return;
  inside = true;
  current = item.dataset.id;
  mark();
});
main.addEventListener("focusout", (event) => {
  // A drawing that is replaced loses its focus to nowhere; that is not leaving.
  if (event.relatedTarget) inside = main.contains(event.relatedTarget);
});
document.addEventListener("journey:drawn", () => {
  mark();
  const free = !document.activeElement || document.activeElement === document.body;
  // A step that is still on its way to the server gets its focus when it is drawn.
  const item = find(current) ?? (pending() ? null : here());
  if (inside && free && !document.querySelector("dialog[open]")) item?.focus();
});

// --- arrows ---------------------------------------------------------------------------------

const middle = (item) => {
  const box = item.getBoundingClientRect();
  return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
};

// On the canvas: the nearest step in that direction.
function nearest(key) {
  const [x, y] = middle(here());
  const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key];
  let best = null;
  let least = Infinity;
  for (const item of items()) {
    const [otherX, otherY] = middle(item);
    const along = (otherX - x) * dx + (otherY - y) * dy;
    const across = Math.abs((otherX - x) * dy) + Math.abs((otherY - y) * dx);
    if (along < 8) continue;
    const far = along + across * (dx ? 1 : 2);
    if (far < least) [best, least] = [item, far];
  }
  return best;
}

function inList(key, item) {
  const all = items();
  const at = all.indexOf(item);
  const expanded = item.getAttribute("aria-expanded");
  if (key === "ArrowDown") return all[at + 1];
  if (key === "ArrowUp") return all[at - 1];
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  if (key === "ArrowRight") {
    if (expanded === "false") item.setAttribute("aria-expanded", "true");
    else if (expanded) return all[at + 1];
  }
  if (key === "ArrowLeft") {
    if (expanded === "true") item.setAttribute("aria-expanded", "false");
    else return item.parentElement.closest("[role=treeitem]");
  }
  return null;
}

export function go(key) {
  const from = here();
  if (!from) return false;
  if (!isOutline() && !key.startsWith("Arrow")) return false;
  const to = isOutline() ? inList(key, from) : nearest(key);
  to?.focus();
  to?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

// --- the panel --------------------------------------------------------------------------------

function address(step, tab) {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries({ step, tab })) value ? query.set(key, value) : query.delete(key);
  const text = query.toString();
  return text ? `${root.dataset.here}?${text}` : root.dataset.here;
}

// `into`: whether focus goes into the panel, as it does for those who opened it by a key.
export function open(id, { tab = "", into = false } = {}) {
  const door = find("")?.dataset.goal;
  if (!id && !root.dataset.panel && door) {
    location.href = door;
    return;
  }
  const again = Boolean(asked());
  history[again ? "replaceState" : "pushState"]({ panel: !again || history.state?.panel }, "", address(id || ENTRY, tab));
  show();
  if (into) panel.focus();
}

export function close() {
  if (panel.hidden) return;
  if (history.state?.panel) history.back();
  else {
    history.replaceState({}, "", address("", ""));
    show();
  }
}

function show() {
  const query = new URLSearchParams(location.search);
  const step = asked();
  const id = idOf(step);
  const was = !panel.hidden;
  panel.hidden = !step || !root.dataset.panel;
  if (step) current = id;
  mark();
  if (panel.hidden) {
    panel.replaceChildren();
    if (was) find(current)?.focus();
    return;
  }
  const url = new URL(root.dataset.panel.replace("STEP", encodeURIComponent(step)), location.origin);
  if (query.get("tab")) url.searchParams.set("tab", query.get("tab"));
  window.htmx?.ajax("GET", url.pathname + url.search, { source: panel, target: "#panel", swap: "innerHTML" });
  // Under 1100 px the panel lies over the canvas: bring the step into the part that stays free.
  const node = find(id);
  if (!node) return;
  node.scrollIntoView({ block: "center", inline: "nearest" });
  const over = panel.getBoundingClientRect();
  if (getComputedStyle(panel).position === "absolute") {
    const hidden = node.getBoundingClientRect().right + 24 - over.left;
    if (hidden > 0) main.scrollBy(hidden, 0);
  }
}

addEventListener("popstate", show);
panel.addEventListener("click", (event) => {
  if (!event.target.closest("[data-panel-close]")) return;
  event.preventDefault();
  close();
});
panel.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.target.closest("dialog")) return;
  event.preventDefault();
  close();
});
// A tab of the panel is part of the address too.
panel.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-tab]")?.dataset.tab;
  if (tab) history.replaceState(history.state, "", address(asked(), tab));
});

export function start() {
  // Coming back to where one began shows the same page: htmx would fetch it anew, and the keyboard would lose its place.
  history.replaceState({ panel: Boolean(history.state?.panel) }, "");
  mark();
  if (asked()) show();
}
