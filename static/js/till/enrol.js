// Enrolling somebody: what is typed, whom it may be, the yes, and what became of it.
import { completed, meant } from "./domains.js";
import * as queue from "./queue.js";
import { beep, onScan, sounds, turnSound } from "./scanner.js";

const form = document.getElementById("enrol");
const field = form.elements;
const texts = JSON.parse(document.getElementById("texts").textContent);
const words = JSON.parse(document.getElementById("enrol-words").textContent);
const done = document.getElementById("done");
const main = document.getElementById("enrol-main");
const hint = document.getElementById("hint");
const scanned = document.getElementById("scanned");
const typo = document.getElementById("typo");
const turn = document.getElementById("turn");
const same = hint.querySelector("[data-same]");
const other = hint.querySelector("[data-other]");
const KNOWN_BY = ["card", "phone", "email"];
const TYPED = [...KNOWN_BY, "phone_country", "given_name", "family_name"];
const NEXT = { card: "phone", phone: "email", email: "given_name", given_name: "family_name", family_name: "given_name" };
const PATIENCE_MS = 1500;
const REST_MS = 600;
let choice = {}; // what was answered to the hint: {same_as}, {different}, {agreed}
let answered = ""; // what was typed when the hint was last answered
let looking = null;
let round = 0;
let asked = "phone"; // the field the hint stands below
let resting = 0;
let refusedId = "";

const plain = (text) => text.replace(/[\s-]/g, "");
const put = (id, text) => { document.getElementById(id).textContent = text; };
const language = () => form.querySelector("[name=language]:checked").value;
const named = () => KNOWN_BY.map((name) => field[name].value.trim()).join("|") + field.phone_country.value;
const empty = () => KNOWN_BY.every((name) => !field[name].value.trim());

function read() {
  const text = texts[language()];
  for (const [id, purpose] of [["aloud", "offers"], ["aloud-profiling", "profiling"]]) {
    put(id, text[purpose].text);
    document.getElementById(id).lang = language();
  }
  put("proof-version", `${text.offers.version} (${language().toUpperCase()})`);
}

function label() {
  const name = field.given_name.value.trim();
  const online = document.body.dataset.online !== "no";
  const said = online ? (name ? words.enrolName.replace("%s", name) : words.enrol) : words.later_send;
  main.querySelector("span").textContent = said;
}

// --- what is wrong ----------------------------------------------------------------------------------

function clearErrors() {
  for (const each of form.querySelectorAll(".err")) each.textContent = "";
  for (const each of form.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
}

function tellErrors(problems) {
  clearErrors();
  for (const each of problems) {
    const name = each.pointer.split("/")[1] || "";
    const place = document.getElementById(`err-${name}`) || document.getElementById("err-form");
    place.textContent = `${place.textContent} ${words[each.code] || each.detail}`.trim();
    if (TYPED.includes(name)) field[name].setAttribute("aria-invalid", "true");
  }
  const first = form.querySelector("[aria-invalid]");
  if (first) first.focus();
}

// --- whom it may be ---------------------------------------------------------------------------------

function forget() {
  choice = {};
  answered = "";
  round += 1;
  hint.hidden = true;
}

function typed() {
  const body = {
    card: plain(field.card.value), phone: field.phone.value.trim(), phone_country: field.phone_country.value,
    email: field.email.value.trim(), given_name: field.given_name.value.trim(), family_name: field.family_name.value.trim(),
    language: language(), yes: Array.from(form.querySelectorAll("[name=yes]:checked"), (each) => each.value),
    profiling: field.profiling.checked, wording: texts[language()].offers.code, profiling_wording: texts[language()].profiling.code,
  };
  if (choice.same_as) body.same_as = choice.same_as;
  if (choice.different) body.different = true;
  return body;
}

async function ask(mine) {
  const at = named();
  try {
    const answer = await fetch(form.dataset.hint, {
      method: "POST", credentials: "same-origin", body: JSON.stringify(typed()),
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": field.csrfmiddlewaretoken.value },
    });
    if (!answer.ok || mine !== round) return;
    const said = await answer.json();
    if (mine !== round) return;
    answered = at;
    show(said);
  } catch {
    // Without network nobody is looked for; it is looked for when it is sent.
  }
}

function show(said) {
  const one = said.people[0];
  const found = Boolean(one) || said.elsewhere;
  if (found) field[asked].closest(".f").after(hint);
  hint.querySelector("[data-text]").textContent = one ? `${words.already} ${one.words}` : words.elsewhere;
  same.textContent = field.card.value ? words.same_card : words.same;
  same.dataset.id = one ? one.id : "";
  same.hidden = false;
  other.hidden = false;
  hint.classList.remove("must");
  hint.hidden = !found;
}

// Typing goes on meanwhile.
function look(name = asked) {
  if (choice.same_as || choice.different || empty() || named() === answered) return;
  asked = name;
  round += 1;
  looking = ask(round);
}

function choose(what, said) {
  choice = what;
  hint.querySelector("[data-text]").textContent = said;
  same.hidden = true;
  other.hidden = !said;
  hint.classList.remove("must");
  hint.hidden = !said;
  label();
}

const undecided = () => !hint.hidden && !choice.same_as && !choice.agreed && !choice.different;

// --- the form ---------------------------------------------------------------------------------------

function reset() {
  form.reset();
  clearErrors();
  forget();
  form.append(hint);
  refusedId = "";
  done.hidden = true;
  form.hidden = false;
  scanned.textContent = "";
  form.classList.remove("read");
  face(false);
  read();
  label();
  mistyped();
  field.card.focus();
}

function finish(told, body) {
  const name = body.given_name || words.somebody;
  const waits = Object.values(told.answer.yes || {}).includes("waiting");
  put("done-name", (told.state === "waiting" ? words.later : words.isIn).replace("%s", name));
  put("done-card", body.card ? `${words.card} ${field.card.value.trim()}` : "");
  put("done-yes", told.state === "kept" ? words.kept : told.state === "waiting" ? words.decide : waits ? words.waits : "");
  form.reset();
  form.hidden = true;
  done.hidden = false;
  done.classList.toggle("later", told.state === "waiting");
  face(false);
  document.getElementById("done-next").focus();
}

async function submit(event) {
  event.preventDefault();
  if (main.disabled) return;
  clearErrors();
  if (empty()) {
    tellErrors([{ pointer: "/card", code: "required", detail: "" }]);
    return;
  }
  main.disabled = true;
  look();
  await Promise.race([looking, new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS); })]);
  if (undecided()) {
    main.disabled = false;
    hint.classList.add("must");
    same.focus();
    return;
  }
  const body = typed();
  if (named() !== answered) body.unasked = true;
  const told = await queue.add("enrol", body);
  main.disabled = false;
  if (told.state === "refused") { tellErrors(told.problems); return; }
  if (refusedId) await queue.discard(refusedId);
  refusedId = "";
  finish(told, body);
}

// --- small helps ------------------------------------------------------------------------------------

function mistyped() {
  const domain = meant(field.email.value, buttons.map((each) => each.dataset.domain));
  typo.hidden = !domain;
  typo.dataset.domain = domain;
  typo.textContent = domain ? words.typo.replace("%s", domain) : "";
}

const buttons = Array.from(form.querySelectorAll("[data-domain]")).filter((each) => each !== typo);
for (const button of [...buttons, typo]) {
  button.addEventListener("click", () => {
    const whole = completed(field.email.value, button.dataset.domain);
    if (!whole) { field.email.focus(); return; }
    field.email.value = whole;
    mistyped();
    look("email");
  });
}

// The same form for the customer's own eyes: larger, without what staff see of others.
function face(theirs) {
  document.body.classList.toggle("theirs", theirs);
  turn.setAttribute("aria-pressed", String(theirs));
  turn.querySelector("span").textContent = theirs ? words.back : words.turn;
}

function sound() {
  const button = document.getElementById("sound");
  button.setAttribute("aria-pressed", String(sounds()));
  button.querySelector("[data-on]").toggleAttribute("hidden", !sounds());
  button.querySelector("[data-off]").toggleAttribute("hidden", sounds());
}

for (const name of KNOWN_BY) {
  field[name].addEventListener("change", () => { clearErrors(); mistyped(); look(name); });
  field[name].addEventListener("input", () => { if (choice.same_as || choice.agreed || choice.different) forget(); });
}
field.card.addEventListener("input", () => { scanned.textContent = ""; form.classList.remove("read"); });
field.phone_country.addEventListener("change", () => look("phone"));
// Not at each letter: on the way to a domain everything looks mistyped.
field.email.addEventListener("input", () => { clearTimeout(resting); resting = setTimeout(mistyped, REST_MS); });
for (const each of form.querySelectorAll("[name=language]")) each.addEventListener("change", read);
field.given_name.addEventListener("input", label);
// Enter leads to the next field: half a form is never sent by a reader or a thumb.
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
  event.preventDefault();
  if (event.target.name === "given_name" || event.target.name === "family_name") main.focus();
  else if (NEXT[event.target.name]) field[NEXT[event.target.name]].focus();
});
form.addEventListener("submit", submit);
same.addEventListener("click", () => choose(same.dataset.id ? { same_as: same.dataset.id } : { agreed: true }, words.linked));
other.addEventListener("click", () => choose({ different: true }, ""));
document.getElementById("clear").addEventListener("click", reset);
document.getElementById("done-next").addEventListener("click", reset);
document.getElementById("sound").addEventListener("click", () => { turnSound(!sounds()); sound(); beep(true); });
turn.addEventListener("click", () => face(!document.body.classList.contains("theirs")));
document.addEventListener("till:clear", reset);
document.addEventListener("till:queue", (event) => {
  document.body.dataset.online = event.detail.online ? "yes" : "no";
  label();
});
document.addEventListener("till:refused", (event) => {
  const { id, kind, body, problems } = event.detail;
  if (kind !== "enrol") return;
  event.preventDefault();
  reset();
  refusedId = id;
  for (const name of TYPED) field[name].value = body[name] || "";
  for (const each of form.querySelectorAll("[name=yes]")) each.checked = (body.yes || []).includes(each.value);
  for (const each of form.querySelectorAll("[name=language]")) each.checked = each.value === body.language;
  field.profiling.checked = body.profiling === true;
  read();
  label();
  tellErrors(problems || []);
});

onScan(document, (code) => {
  if (form.hidden) reset();
  const here = document.activeElement;
  forget();
  field.card.value = code.replace(/(\d{4})(?=\d)/g, "$1 ");
  clearErrors();
  scanned.textContent = words.scanned;
  form.classList.add("read");
  beep(true);
  look("card");
  if (here === field.card || !form.contains(here) || here.tagName !== "INPUT") field.phone.focus();
}, () => {
  if (form.hidden) reset();
  form.classList.remove("read");
  scanned.textContent = "";
  put("err-card", words.misread);
  field.card.setAttribute("aria-invalid", "true");
  beep(false);
});
sound();
read();
label();
