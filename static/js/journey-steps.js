// What can be done with a step: moved, copied, removed, folded, given a note. Each by key, by menu and by toolbar.
import { fold, folded, send } from "./journey-edits.js";
import { keepSteps, paste, pick } from "./journey-picker.js";
import { choose, currentId, find, here, isOutline, items, open } from "./journey-tree.js";

const root = document.getElementById("builder");
const byId = (name) => document.getElementById(name);
const placeOf = (item) => JSON.parse(item.dataset.place);

// The lanes of a step as they are drawn: [index, label, number of steps in it].
function lanesOf(id) {
  const lanes = [...document.querySelectorAll(`[data-lane-count^="${CSS.escape(id)}|"]`)];
  return lanes.map((lane, index) => {
    const room = lane.closest(".lane, [data-lane]");
    const count = room.querySelectorAll("[data-step]").length || Number(room.querySelector("[data-inside]")?.dataset.inside ?? 0);
    return [index, lane.querySelector(".lane-words").textContent.trim(), count];
  });
}

async function copied(id) {
  const answer = await fetch(`${root.dataset.copy}?step=${encodeURIComponent(id)}`, { headers: { "HX-Request": "true" } });
  return answer.ok ? (await answer.json()).steps : [];
}

function neighbour(id) {
  const all = items().filter((item) => item.dataset.step !== undefined);
  const at = all.findIndex((item) => item.dataset.id === id);
  return (all[at - 1] ?? all[at + 1])?.dataset.id ?? "";
}

function removed(id, keep) {
  const title = find(id)?.dataset.title ?? "";
  const next = neighbour(id);
  send({ do: "remove", step: id, keep_lane: keep });
  choose(next);
  const toast = byId("toast-undo").content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-text]").textContent = title;
  byId("toasts").append(toast);
}

function remove(id) {
  const lanes = lanesOf(id).filter(([, , count]) => count > 0);
  if (!lanes.length) {
    removed(id, null);
    return;
  }
  const list = byId("keep-list");
  list.replaceChildren(
    ...lanes.map(([index, label, count]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "hit";
      button.dataset.lane = index;
      button.textContent = `${list.dataset.keep} “${label}” (${count} ${list.dataset.steps})`;
      return button;
    }),
  );
  byId("keep-dialog").dataset.of = id;
  byId("keep-dialog").showModal();
}

byId("keep-dialog")?.addEventListener("click", (event) => {
  const lane = event.target.closest("[data-lane]");
  const none = event.target.closest("[data-keep-none]");
  if (!lane && !none) return;
  byId("keep-dialog").close();
  removed(byId("keep-dialog").dataset.of, lane ? Number(lane.dataset.lane) : null);
});

function move(id) {
  const select = byId("move-place");
  const own = new Set([id, ...[...(find(id)?.closest(".item, [role=treeitem]")?.querySelectorAll("[data-step]") ?? [])].map((each) => each.dataset.id)]);
  const offer = (place, words) => new Option(words, JSON.stringify(place));
  const places = [offer({ after: "" }, select.dataset.top)];
  for (const item of items()) {
    if (item.dataset.step === undefined || !item.dataset.id || own.has(item.dataset.id)) continue;
    places.push(offer({ after: item.dataset.id }, `${select.dataset.after} “${item.dataset.title}”`));
    for (const [index, label] of lanesOf(item.dataset.id)) {
      places.push(offer({ lane: [item.dataset.id, index] }, `${select.dataset.lane} “${label}”: “${item.dataset.title}”`));
    }
  }
  select.replaceChildren(...places);
  ask("move-dialog", () => send({ do: "move", step: id, ...JSON.parse(select.value) }), id);
}

// Open a dialog with a form; `done` when it is agreed to, and back to the step in any case.
function ask(name, done, id) {
  const dialog = byId(name);
  dialog.returnValue = "";
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue === "ok") done();
      choose(id);
    },
    { once: true },
  );
  dialog.showModal();
}

function note(id) {
  const text = byId("note-text");
  const node = byId(`node-${id}`);
  text.value = (node?.querySelector(".note span") ?? node?.parentElement.querySelector(":scope > .note span"))?.textContent ?? "";
  ask("note-dialog", () => send({ do: "note", step: id, note: text.value }), id);
}

export function rename() {
  byId("name-text").value = document.querySelector("[data-rename]").textContent.trim();
  ask("name-dialog", () => send({ do: "set", path: "name", value: byId("name-text").value.trim() }), currentId());
}

function toggleFold(id) {
  const item = find(id);
  if (isOutline() && item?.hasAttribute("aria-expanded")) {
    item.setAttribute("aria-expanded", String(item.getAttribute("aria-expanded") === "false"));
    return;
  }
  const lanes = lanesOf(id).filter(([, , count]) => count > 0);
  const names = lanes.map(([index]) => `${id}.${index}`);
  const all = names.every((name) => folded.has(name));
  for (const name of names) all ? folded.delete(name) : folded.add(name);
  if (names.length) fold();
}

function menu(id) {
  const dialog = byId("step-menu");
  dialog.dataset.of = id;
  byId("step-menu-title").textContent = find(id)?.dataset.title ?? "";
  dialog.querySelector("[data-split]").hidden = !lanesOf(id).length;
  dialog.showModal();
}

const DEEDS = {
  open,
  remove,
  move,
  note,
  menu,
  fold: toggleFold,
  up: (id) => send({ do: "move", step: id, by: -1 }),
  down: (id) => send({ do: "move", step: id, by: 1 }),
  copy: async (id) => keepSteps(await copied(id), find(id)?.dataset.title),
  cut: async (id) => {
    const steps = await copied(id);
    if (!steps.length) return;
    keepSteps(steps, find(id)?.dataset.title);
    removed(id, null);
  },
  duplicate: async (id) => {
    const steps = await copied(id);
    const kept = localStorage.getItem("cauce.steps");
    keepSteps(steps, "");
    paste({ after: id });
    kept === null ? localStorage.removeItem("cauce.steps") : localStorage.setItem("cauce.steps", kept);
  },
};

// Do something with a step; what needs one does nothing at the entry or at a lane.
export function act(deed, id = currentId(), more = {}) {
  if (deed === "add") {
    const item = find(id) ?? (id ? null : here());
    pick(item ? placeOf(item) : { after: id });
    return;
  }
  if (deed === "paste") {
    const item = find(id) ?? here();
    paste(item ? placeOf(item) : { after: id });
    return;
  }
  if (deed === "open") {
    open(id, more);
    return;
  }
  const item = find(id);
  if (!id || item?.dataset.lane !== undefined) return;
  if (root.dataset.can || deed === "fold" || deed === "copy") DEEDS[deed]?.(id);
}
