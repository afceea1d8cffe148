// The form of a step saves itself: what was typed goes out a moment later, one request after the other,
// and what the server says of it is put beside the fields without taking the cursor away.
import { mint } from "./mint.js";

const panel = document.getElementById("panel");
const WAIT = 600;
const AGAIN = 5000;

let state = null; // of the form that is open
let tabbed = false; // a tab was pressed, and its content is on its way

const byId = (name) => document.getElementById(name);

// What somebody has typed, as text to compare.
const OURS = ["seen", "revision", "csrfmiddlewaretoken"];
const said = (form) => JSON.stringify([...new FormData(form)].filter(([name]) => !OURS.includes(name)));

// `kept`: what was sent or came last, "" when it was not taken; `behind`: the draft was drawn anew while something was on its way.
function of(form) {
  if (state?.form !== form) {
    state = { form, timer: 0, busy: false, dirty: false, deeds: [], unanswered: [], blocked: false, kept: "", behind: false };
  }
  return state;
}

function tell(form, word) {
  const line = form.querySelector("#panel-state");
  if (!line) return;
  line.textContent = line.dataset[word];
  line.classList.toggle("warn", word !== "saving" && word !== "saved");
}

// What stands in a form: which fields there are and what can be chosen in them, not what was typed.
function shape(form) {
  const parts = [...form.elements].filter((each) => each.name && each.type !== "hidden");
  return parts.map((each) => `${each.name}=${each.tagName}${each.type === "submit" ? each.value : ""}${each.options?.length ?? ""}`).join("|");
}

function copy(live, fresh, selector, key) {
  const found = new Map([...fresh.querySelectorAll(selector)].map((each) => [key(each), each]));
  for (const each of live.querySelectorAll(selector)) {
    const now = found.get(key(each));
    if (now && each.innerHTML !== now.innerHTML) each.innerHTML = now.innerHTML;
  }
}

// Put what the server says into the form that is open.
function graft(live, fresh, { typing, anew }) {
  for (const name of ["seen", "revision"]) live.elements[name].value = fresh.elements[name].value;
  if ((anew || shape(live) !== shape(fresh)) && !fresh.dataset.refused) {
    if (typing) return live;
    return replace(live, fresh);
  }
  copy(live, fresh, "[data-errors]", (each) => each.dataset.errors);
  copy(live, fresh, "[data-told]", (each) => each.dataset.told);
  for (const button of fresh.querySelectorAll("button[name=deed]")) {
    const own = live.querySelector(`button[name=deed][value="${CSS.escape(button.value)}"]`);
    if (own && button.ariaLabel) own.ariaLabel = button.ariaLabel;
  }
  for (const field of live.querySelectorAll("[aria-describedby]")) {
    const wrong = Boolean(byId(`${field.id}-errors`)?.firstElementChild);
    field.classList.toggle("is-invalid", wrong);
    wrong ? field.setAttribute("aria-invalid", "true") : field.removeAttribute("aria-invalid");
  }
  return live;
}

function replace(live, fresh) {
  const active = live.contains(document.activeElement) ? document.activeElement : null;
  const { id, name, value, selectionStart } = active ?? {};
  for (const [index, each] of [...live.querySelectorAll("details")].entries()) {
    const now = fresh.querySelectorAll("details")[index];
    if (now && each.open) now.open = true;
  }
  const put = document.importNode(fresh, true);
  live.replaceWith(put);
  window.htmx?.process(put);
  if (active) {
    const again = (id && byId(id)) || put.querySelector(`[name="${CSS.escape(name ?? "")}"][value="${CSS.escape(value ?? "")}"]`);
    (again ?? put.querySelector("input:not([type=hidden]), select, textarea"))?.focus();
    if (again?.setSelectionRange && again.type === "text" && selectionStart !== null) again.setSelectionRange(selectionStart, selectionStart);
  }
  state.form = put;
  return put;
}

function later(form, deed) {
  const own = of(form);
  own.dirty = true;
  if (deed) own.deeds.push(deed);
  clearTimeout(own.timer);
  own.timer = setTimeout(() => save(own), deed ? 0 : WAIT);
}

function flush() {
  if (!state?.dirty) return;
  clearTimeout(state.timer);
  save(state);
}

async function save(own) {
  clearTimeout(own.timer);
  if (own.busy || own.blocked || !own.dirty) return;
  const body = new URLSearchParams(new FormData(own.form));
  const deeds = own.deeds.splice(0);
  for (const deed of deeds) body.append("deed", deed);
  for (const key of own.unanswered) body.append("unanswered", key);
  const key = mint();
  body.set("key", key);
  own.kept = said(own.form);
  own.busy = true;
  own.dirty = false;
  own.unanswered.push(key);
  tell(own.form, "saving");
  try {
    const headers = { "HX-Request": "true", "X-CSRFToken": own.form.elements.csrfmiddlewaretoken.value };
    const answer = await fetch(own.form.action, { method: "POST", headers, body, keepalive: String(body).length < 60000 });
    if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
    own.unanswered = [];
    await take(own, answer, deeds.length > 0);
    if (answer.status !== 200) own.kept = "";
  } catch {
    own.kept = "";
    own.deeds = [...deeds, ...own.deeds];
    own.dirty = true;
    tell(own.form, "offline");
    clearTimeout(own.timer);
    own.timer = setTimeout(() => save(own), AGAIN);
    own.busy = false;
    return;
  }
  own.busy = false;
  if (own.dirty) own.timer = setTimeout(() => save(own), WAIT);
  else if (own.behind) follow();
}

async function take(own, answer, anew) {
  const login = answer.headers.get("HX-Redirect");
  if (login) {
    location.href = login;
    return;
  }
  if (answer.status === 409) {
    own.blocked = true;
    const place = byId("panel-stale");
    if (place && own.form.isConnected) place.innerHTML = await answer.text();
    tell(own.form, "stale");
    return;
  }
  if (answer.status === 404) {
    close();
    return;
  }
  if (answer.status !== 200 && answer.status !== 422) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("panel-form");
  const changed = answer.headers.has("HX-Trigger");
  if (fresh && own.form.isConnected) {
    const form = graft(own.form, fresh, { typing: own.dirty, anew });
    tell(form, answer.status === 422 ? "refused" : "saved");
    if (answer.status === 200 && byId("panel-title")) byId("panel-title").textContent = fresh.dataset.title;
  }
  if (!changed) return;
  document.dispatchEvent(new CustomEvent("draft-changed"));
  byId("can-receive")?.dispatchEvent(new CustomEvent("panel-saved"));
}

// Another tab, and the editor of a rule, show what was typed here: they are opened when that is saved, or
// cannot be for now.
function leave(event) {
  const link = event.target.closest("[data-tab], [data-rule-dialog]");
  tabbed = Boolean(link?.dataset.tab);
  if (!link) {
    if (event.target.closest("[data-panel-close]")) flush();
    return;
  }
  if (!state?.form.isConnected || !(state.dirty || state.busy) || state.leaving) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  state.leaving = true;
  const own = state;
  const go = () => {
    if (own.busy) return setTimeout(go, 50);
    (link.isConnected ? link : link.id && byId(link.id))?.click();
    own.leaving = false;
  };
  flush();
  go();
}

const close = () => panel?.querySelector("[data-panel-close]")?.click();

// The draft was drawn anew: somebody took an edit back, or removed the step whose panel is open.
async function follow() {
  const open = panel.querySelector("[data-panel-of][data-url]");
  if (!open) return;
  if (state?.dirty || state?.busy) {
    state.behind = true;
    return;
  }
  if (state) state.behind = false;
  const drawn = document.querySelector(`[data-step][data-id="${CSS.escape(open.dataset.panelOf)}"]`);
  if (!drawn && !document.querySelector("[data-unfold]")) {
    close();
    return;
  }
  const form = byId("panel-form");
  const before = form?.elements.seen.value;
  const answer = await fetch(`${open.dataset.url}?tab=message`, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.status === 404) close();
  if (answer?.status !== 200 || !form?.isConnected) return;
  // What was typed or saved meanwhile is newer than the answer.
  if (state?.dirty || state?.busy) state.behind = true;
  if (state?.dirty || state?.busy || form.elements.seen.value !== before) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("panel-form");
  if (!fresh || fresh.elements.seen.value === form.elements.seen.value) return;
  of(form);
  state.kept = said(replace(form, fresh));
  byId("panel-title").textContent = fresh.dataset.title;
}

if (panel) {
  panel.addEventListener("input", (event) => event.target.form?.id === "panel-form" && later(event.target.form));
  panel.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.id !== "panel-form") return;
    // A field that is left says what it said as it was typed: saved again, it would undo an Undo.
    if (state?.form === form && !state.dirty && state.kept === said(form)) return;
    later(form);
    flush();
  });
  panel.addEventListener("submit", (event) => {
    if (event.target.id !== "panel-form") return;
    event.preventDefault();
    later(event.target, event.submitter?.name === "deed" ? event.submitter.value : "");
    flush();
  });
  panel.addEventListener("click", leave, true);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") flush();
    // Enter in a field saves; it does not press the first button of a row.
    if (event.key === "Enter" && event.target.matches("#panel-form input")) {
      event.preventDefault();
      flush();
    }
  }, true);
  // Going from tab to tab keeps the place of the keyboard.
  panel.addEventListener("htmx:after:swap", (event) => {
    if (tabbed && event.target === panel) panel.querySelector("[data-tab][aria-current]")?.focus();
    tabbed = false;
  });
  document.addEventListener("journey:drawn", follow);
  addEventListener("online", flush);
  addEventListener("beforeunload", (event) => state?.dirty && state.form.isConnected && event.preventDefault());
}
