// The picker of steps: search, or type "wait 3 days"; arrows and Enter. Also the finder of steps by their text.
import { mint, send } from "./journey-edits.js";
import { choose, items } from "./journey-tree.js";

const dialog = document.getElementById("picker");
const input = document.getElementById("picker-input");
const CLIPBOARD = "cauce.steps";
let place = null;

export function clipboard() {
  try {
    return JSON.parse(localStorage.getItem(CLIPBOARD) ?? "null");
  } catch {
    return null;
  }
}

export const keepSteps = (steps, title) => localStorage.setItem(CLIPBOARD, JSON.stringify({ steps, title }));

export function paste(at) {
  const kept = clipboard();
  if (!kept?.steps?.length) return;
  const id = mint();
  // The first copy gets an id from here, so that it can be gone to at once; the others from the server.
  const [first, ...rest] = kept.steps;
  send({ do: "paste", ...at, steps: [{ ...first, id }, ...rest] });
  choose(id);
}

export function pick(at) {
  if (!dialog || !at) return;
  place = at;
  const kept = clipboard();
  dialog.querySelector("#tile-paste").dataset.on = kept?.steps?.length ? "1" : "";
  dialog.querySelector("#tile-paste [data-words]").textContent = kept?.title ?? "";
  input.value = "";
  filter();
  dialog.showModal();
  input.focus();
}

// --- lists to choose from ---------------------------------------------------------------------

const options = (list) => [...list.querySelectorAll("[role=option]")].filter((option) => !option.hidden);

function point(field, list, option) {
  for (const each of list.querySelectorAll("[role=option]")) each.setAttribute("aria-selected", String(each === option));
  if (option) {
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else field.removeAttribute("aria-activedescendant");
}

function arrows(field, list, accept, wide = false) {
  field.addEventListener("keydown", (event) => {
    const all = options(list);
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: wide ? 2 : 1, ArrowUp: wide ? -2 : -1 }[event.key];
    const side = wide && !field.value ? { ArrowRight: 1, ArrowLeft: -1 }[event.key] : undefined;
    if (step ?? side) point(field, list, all[Math.min(all.length - 1, Math.max(0, at + (step ?? side)))]);
    else if (event.key === "Enter") accept(all[at] ?? all[0]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => accept(event.target.closest("[role=option]")));
}

// --- the picker -------------------------------------------------------------------------------

const plain = (text) => text.toLocaleLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

// "wait 2 days", "2 d": a length of time, in the reader's words or in English.
function span(text) {
  const found = /(\d{1,4})\s*(\p{L}+)/u.exec(text);
  if (!found || Number(found[1]) < 1) return null;
  const units = JSON.parse(dialog.dataset.units);
  const word = plain(found[2]);
  for (const [unit, words] of Object.entries(units)) {
    const named = plain(words).split(" ").find((each) => each.startsWith(word) || word.startsWith(each));
    if (named) return { value: Number(found[1]), unit, words: `${found[1]} ${found[2]}` };
  }
  return null;
}

function filter() {
  const text = plain(input.value.trim());
  const quick = dialog.querySelector("#tile-quick");
  const length = span(input.value);
  quick.hidden = !length;
  if (length) {
    quick.dataset.new = JSON.stringify({ type: "wait.duration", config: { value: length.value, unit: length.unit } });
    quick.querySelector("[data-words]").textContent = `${dialog.dataset.wait} ${length.words}`;
  }
  const wanted = text.split(/\s+/).filter(Boolean);
  for (const tile of dialog.querySelectorAll("[data-tile]")) {
    const words = plain(tile.dataset.words).split(/\s+/);
    tile.hidden = !wanted.every((part) => words.some((word) => word.startsWith(part)));
  }
  const kept = dialog.querySelector("#tile-paste");
  kept.hidden = !kept.dataset.on || Boolean(text);
  for (const group of dialog.querySelectorAll("[role=group]")) group.hidden = !options(group).length;
  const all = options(dialog);
  // An exact name comes before one that only begins like it.
  const exact = all.find((tile) => tile.dataset.words && plain(tile.textContent.trim()) === text);
  dialog.querySelector("#picker-none").hidden = all.length > 0;
  point(input, dialog, length ? quick : (exact ?? all.find((tile) => tile !== kept)));
}

// The place is taken out first: who closes the picker without a choice goes back to where it was.
function accept(option) {
  if (!option) return;
  const at = place;
  place = null;
  dialog.close();
  if (option.dataset.paste !== undefined) {
    paste(at);
    return;
  }
  const id = mint();
  send({ do: "insert", ...at, step: { ...JSON.parse(option.dataset.new), id } });
  choose(id);
}

if (dialog) {
  input.addEventListener("input", filter);
  arrows(input, dialog.querySelector("#picker-list"), accept, true);
  dialog.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "v" || !(event.ctrlKey || event.metaKey) || input.value || !clipboard()) return;
    event.preventDefault();
    accept(dialog.querySelector("#tile-paste"));
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => place && !dialog.open && choose(place.after ?? place.lane[0]));
}

// --- the finder ---------------------------------------------------------------------------------

const finder = document.getElementById("finder");
const sought = document.getElementById("finder-input");
const hits = document.getElementById("finder-list");

function seek() {
  const text = plain(sought.value.trim());
  const found = items().filter((item) => item.dataset.step !== undefined);
  const fitting = found.filter((item) => plain(item.textContent).includes(text)).slice(0, 50);
  hits.replaceChildren(
    ...fitting.map((item, index) => {
      const option = document.createElement("div");
      option.setAttribute("role", "option");
      option.className = "hit";
      option.id = `find-${index}`;
      option.dataset.goto = item.dataset.id;
      option.textContent = item.dataset.title;
      return option;
    }),
  );
  point(sought, hits, hits.firstElementChild);
}

export function search() {
  sought.value = "";
  seek();
  finder.showModal();
  sought.focus();
}

sought.addEventListener("input", seek);
arrows(sought, hits, (option) => {
  if (!option) return;
  finder.close();
  choose(option.dataset.goto);
  document.activeElement?.scrollIntoView({ block: "center", inline: "center" });
});
