// A segment is saved by its button alone (decision 0028). Until then what was written is kept in this browser,
// and is there again after a reload or a lost connection.
import { forget, keep, kept, places } from "./kept.js";
import { mint } from "./mint.js";

const form = document.querySelector("#rule-form[data-kept]");
const box = document.getElementById("kept");
const line = box.querySelector("[data-words]");
const place = form.dataset.kept;
const AGAIN = 5000;
const PLAIN = ["name", "description", "kind", "state"];

const written = () => [...new FormData(form)].filter(([name]) => PLAIN.includes(name) || name.includes(":"));

let baseline = JSON.stringify(written());
let quiet = false; // what stands in the page is not (yet, or any more) what is to be kept

function tell(state) {
  line.textContent = state ? line.dataset[state] : "";
  line.classList.toggle("warn", Boolean(state));
  box.querySelector("[data-discard]").hidden = !["kept", "offline", "lost"].includes(state);
  box.querySelector("[data-bring-back]").hidden = state !== "gone";
}

function remember() {
  if (quiet) return;
  const fields = written();
  if (JSON.stringify(fields) === baseline) {
    if (kept(place)?.discarded) return;
    forget(place);
    tell("");
    return;
  }
  const { draft, edition } = form.elements;
  tell(keep(place, { draft: draft.value, edition: edition.value, fields }) ? "kept" : "lost");
}

// The rule is drawn by the server from what was kept; without a connection a little later. What it cannot
// read any more is left out.
async function draw(fields) {
  const body = new URLSearchParams(fields);
  body.set("segment", form.elements.segment.value);
  const headers = { "HX-Request": "true", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  const answer = await fetch(form.dataset.rule, { method: "POST", headers, body }).catch(() => null);
  if (!answer) {
    tell("offline");
    await new Promise((go) => setTimeout(go, AGAIN));
    return draw(fields);
  }
  const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("rule");
  if (!fresh) return;
  const put = document.importNode(fresh, true);
  document.getElementById("rule").replaceWith(put);
  window.htmx?.process(put);
  document.getElementById("rules").dispatchEvent(new CustomEvent("rule-changed"));
}

async function restore(before) {
  form.elements.draft.value = before.draft;
  form.elements.edition.value = before.edition;
  for (const [name, value] of before.fields) {
    if (["name", "description", "kind"].includes(name) && form.elements[name]) form.elements[name].value = value;
  }
  tell("kept");
  quiet = true;
  if (document.getElementById("rule")) await draw(before.fields);
  quiet = false;
  remember();
}

// What the server has taken in is kept no longer.
function saved() {
  const here = new URL(location.href);
  const draft = here.searchParams.get("kept");
  if (!draft) return;
  for (const each of places()) if (kept(each)?.draft === draft) forget(each);
  here.searchParams.delete("kept");
  history.replaceState(history.state, "", here);
}

function begin() {
  saved();
  const before = kept(place);
  form.elements.draft.value = before?.draft ?? mint();
  if (form.dataset.posted !== undefined) {
    baseline = "";
    remember();
  } else if (before?.discarded) tell("gone");
  else if (before) restore(before);
}

function turn(discarded) {
  quiet = true;
  const before = kept(place);
  if (before) keep(place, { ...before, discarded });
}

form.addEventListener("input", (event) => (PLAIN.includes(event.target.name) || event.target.name.includes(":")) && remember());
document.addEventListener("htmx:after:swap", remember);
form.addEventListener("submit", (event) => {
  if (navigator.onLine || event.submitter?.hasAttribute("hx-post")) return;
  event.preventDefault();
  tell("offline");
});
box.addEventListener("click", (event) => {
  const gone = event.target.closest("[data-discard]");
  if (!gone && !event.target.closest("[data-bring-back]")) return;
  turn(Boolean(gone));
  location.assign(form.dataset.here);
});
document.querySelector("#stale [data-theirs]")?.addEventListener("click", () => turn(true));
addEventListener("online", () => line.textContent && remember());
// Back from the next page: what is typed here is kept again.
addEventListener("pageshow", (event) => event.persisted && (quiet = false));
begin();
