// A purchase: whose, how much; sent once, whatever the network does.
import * as queue from "./queue.js";
import { article, beep, onScan } from "./scanner.js";

const form = document.getElementById("purchase");
const field = form.elements;
const words = JSON.parse(document.getElementById("purchase-words").textContent);
const done = document.getElementById("done");
const recent = document.getElementById("recent");
let refusedId = "";

const box = document.getElementById("lines");
const number = (text) => text.replace(/\s/g, "").replace(",", ".");

// What was typed of products; a line without an article number is none.
function lines() {
  const rows = Array.from(box.querySelectorAll(".line"), (row) => ({
    sku: row.querySelector("[data-sku]").value.trim(), name: row.querySelector("[data-name]").textContent,
    quantity: number(row.querySelector("[data-quantity]").value), price: number(row.querySelector("[data-price]").value),
  }));
  return rows.filter((row) => row.sku);
}

// In cents: 3 × 0.1 is 0.3 here.
function total() {
  return lines().reduce((sum, row) => sum + Math.round(Number(row.quantity) * Number(row.price) * 100), 0);
}

function addLine() {
  const row = box.querySelector("template").content.cloneNode(true);
  box.querySelector("[data-lines]").append(row);
  return box.querySelector(".line:last-child");
}

function sum() {
  const cents = total();
  if (cents > 0) field.amount.value = (cents / 100).toFixed(2);
}

// What the catalogue says of an article number or a bar code; null where it says nothing, or nobody can be asked.
async function product(code) {
  try {
    const answer = await fetch(`${box.dataset.products}?code=${encodeURIComponent(code)}`, { headers: { Accept: "application/json" } });
    return answer.ok ? (await answer.json()).product : null;
  } catch {
    return null;
  }
}

function fill(row, known) {
  row.querySelector("[data-sku]").value = known.sku;
  row.querySelector("[data-name]").textContent = known.name;
  const price = row.querySelector("[data-price]");
  if (!price.value && known.price) price.value = known.price;
  sum();
}

// The bar code of an article: one more of it, or a new line, whose price may have to be typed.
function goods(code, known) {
  box.open = true;
  const sku = known ? known.sku : code;
  const same = Array.from(box.querySelectorAll(".line")).find((row) => row.querySelector("[data-sku]").value.trim() === sku);
  const row = same || addLine();
  if (same) {
    const quantity = same.querySelector("[data-quantity]");
    quantity.value = String(Number(number(quantity.value)) + 1);
  }
  fill(row, known || { sku, name: "", price: "" });
  beep(true);
  if (!row.querySelector("[data-price]").value) row.querySelector("[data-price]").focus();
}

document.getElementById("add-line").addEventListener("click", () => addLine().querySelector("[data-sku]").focus());
box.addEventListener("input", sum);
box.addEventListener("change", async (event) => {
  const typed = event.target.closest("[data-sku]");
  if (!typed || !typed.value.trim()) return;
  const known = await product(typed.value.trim());
  if (known) fill(typed.closest(".line"), known);
  else typed.closest(".line").querySelector("[data-name]").textContent = "";
});
box.addEventListener("click", (event) => {
  const button = event.target.closest("[data-off]");
  if (!button) return;
  button.closest(".line").remove();
  sum();
});

const amount = () => field.amount.value.replace(/\s/g, "").replace(",", ".");

function clearErrors() {
  for (const each of form.querySelectorAll(".err")) each.textContent = "";
  field.amount.removeAttribute("aria-invalid");
}

function tellErrors(problems) {
  for (const each of problems) {
    const name = each.pointer.split("/")[1];
    const place = document.getElementById(name === "amount" || name === "lines" ? `err-${name}` : "err-contact");
    place.textContent = words[each.code] || each.detail;
    if (each.code === "large") form.querySelector(".sure").hidden = false;
    if (each.pointer === "/amount") { field.amount.setAttribute("aria-invalid", "true"); field.amount.focus(); }
  }
  beep(false);
}

function reset() {
  if (form.dataset.customer) { window.location.assign(window.location.pathname); return; }
  form.reset();
  clearErrors();
  box.querySelector("[data-lines]").replaceChildren();
  box.open = false;
  form.querySelector(".sure").hidden = true;
  document.getElementById("scanned").textContent = "";
  done.hidden = true;
  form.hidden = false;
  if (field.card) field.card.focus();
}

async function submit(event) {
  event.preventDefault();
  clearErrors();
  const body = { amount: amount() };
  if (form.dataset.customer) body.contact = form.dataset.customer;
  else body.card = field.card.value.replace(/[\s-]/g, "");
  if (lines().length) body.lines = lines();
  if (field.sure.checked) body.sure = true;
  if (!body.contact && !body.card) { tellErrors([{ pointer: "/contact", code: "required" }]); return; }
  const button = document.getElementById("buy");
  button.disabled = true;
  const told = await queue.add("purchase", body);
  button.disabled = false;
  if (told.state === "refused") { tellErrors(told.problems); return; }
  if (refusedId) { await queue.discard(refusedId); refusedId = ""; }
  beep(true);
  document.getElementById("done-amount").textContent = words.registered.replace("%s", field.amount.value);
  document.getElementById("done-state").textContent = told.state === "kept" ? words.kept : "";
  form.hidden = true;
  done.hidden = false;
  document.getElementById("done-next").focus();
  document.body.dispatchEvent(new CustomEvent("till-done"));
}

recent.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-void]");
  if (!button) return;
  button.disabled = true;
  const told = await queue.add("void", { order: button.dataset.void });
  if (told.state === "refused") tellErrors(told.problems.map((each) => ({ ...each, pointer: "/contact" })));
  document.body.dispatchEvent(new CustomEvent("till-done"));
});
for (const key of form.querySelectorAll("[data-digit]")) {
  key.addEventListener("click", () => { field.amount.value += key.dataset.digit; });
}
form.querySelector("[data-back]").addEventListener("click", () => { field.amount.value = field.amount.value.slice(0, -1); });
form.addEventListener("submit", submit);
document.getElementById("clear").addEventListener("click", reset);
document.getElementById("done-next").addEventListener("click", reset);
document.addEventListener("till:clear", reset);
document.addEventListener("till:refused", (event) => {
  const { id, kind, body, problems } = event.detail;
  if (kind !== "purchase" || !field.card) return;
  event.preventDefault();
  refusedId = id;
  field.card.value = body.card || "";
  field.amount.value = body.amount || "";
  tellErrors(problems || []);
});
function card(code) {
  if (!field.card) { window.location.assign(window.location.pathname); return; }
  field.card.value = code.replace(/(\d{4})(?=\d)/g, "$1 ");
  clearErrors();
  document.getElementById("scanned").textContent = words.scanned;
  beep(true);
  field.amount.focus();
}

// A shop's cards may look like bar codes of articles: what the catalogue knows is an article.
onScan(document, async (code) => {
  const known = article(code) ? await product(code) : null;
  if (known) goods(code, known);
  else card(code);
}, () => tellErrors([{ pointer: "/contact", code: "misread" }]), async (code) => goods(code, await product(code)));
