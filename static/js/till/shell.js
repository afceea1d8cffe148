// A till locks itself: after two minutes without a touch, with a warning; its forms are cleared after one.
const CLEAR_MS = 60000;
const LOCK_MS = 120000;
const WARN_MS = 15000;
const TELL_MS = 30000;
const SHADED = "cauce-till-shaded";

const { lock, locked, stay, pass } = document.body.dataset;
const soon = document.getElementById("till-soon");
let touched = Date.now();
let told = Date.now();
let cleared = true;

function csrf() {
  const found = document.cookie.split("; ").find((each) => each.startsWith("csrftoken="));
  return found ? found.slice("csrftoken=".length) : "";
}

function ask(url) {
  return fetch(url, { method: "POST", credentials: "same-origin", headers: { "X-CSRFToken": csrf(), Accept: "application/json" } });
}

function touch() {
  touched = Date.now();
  cleared = false;
  soon.hidden = true;
  if (touched - told > TELL_MS) {
    told = touched;
    ask(stay).then((answer) => { if (answer.status === 423) window.location.assign(locked); }).catch(() => {});
  }
}

function clear() {
  cleared = true;
  document.dispatchEvent(new CustomEvent("till:clear"));
}

async function lockNow() {
  clear();
  try {
    await ask(lock);
    window.location.assign(locked);
  } catch {
    localStorage.setItem(SHADED, "1");
    shade();
  }
}

// It stays shut when the tab is opened anew.
function shade() {
  const dialog = document.getElementById("till-locked");
  if (!dialog.open) dialog.showModal();
}

// Who locked it while there was no network goes on without a PIN as long as there is none; afterwards it is asked.
async function goOn() {
  try {
    await ask(lock);
    localStorage.removeItem(SHADED);
    window.location.assign(locked);
  } catch {
    localStorage.removeItem(SHADED);
    document.getElementById("till-locked").close();
    touch();
  }
}

function look() {
  const quiet = Date.now() - touched;
  if (quiet > CLEAR_MS && !cleared) clear();
  soon.hidden = quiet < LOCK_MS - WARN_MS || quiet >= LOCK_MS;
  if (quiet >= LOCK_MS) { touched = Date.now(); lockNow(); }
}

if (pass) {
  for (const kind of ["pointerdown", "keydown", "input"]) document.addEventListener(kind, touch, true);
  document.getElementById("till-lock").addEventListener("click", lockNow);
  const dialog = document.getElementById("till-locked");
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.querySelector("[data-go-on]").addEventListener("click", goOn);
  if (localStorage.getItem(SHADED)) shade();
  setInterval(look, 1000);
}
