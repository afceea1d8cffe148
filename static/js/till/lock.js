// The names, and the pad behind each.
const here = document.querySelector("script[data-next]").dataset;
const form = document.getElementById("pin-form");
const pin = document.getElementById("pin");
const wrong = document.getElementById("pin-wrong");

function choose(button) {
  for (const each of document.querySelectorAll(".names button")) each.setAttribute("aria-pressed", String(each === button));
  const isLocked = button.querySelector("[data-is-locked]");
  const opening = form.dataset.opening || "";
  if (isLocked) {
    form.dataset.opening = button.dataset.staff;
    form.elements.open.value = button.dataset.staff;
    wrong.textContent = here.opens;
    form.hidden = true;
    return;
  }
  if (opening && !button.dataset.manager) { delete form.dataset.opening; form.elements.open.value = ""; }
  form.elements.staff.value = button.dataset.staff;
  wrong.textContent = "";
  pin.value = "";
  form.hidden = false;
  pin.focus();
}

async function send(event) {
  event.preventDefault();
  let said;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin", headers: { Accept: "application/json" } });
    said = await answer.json();
  } catch {
    wrong.textContent = here.failed;
    return;
  }
  if (said.code === "ok") { localStorage.removeItem("cauce-till-shaded"); window.location.assign(here.next); return; }
  pin.value = "";
  wrong.textContent = said.words;
  pin.setAttribute("aria-invalid", "true");
  if (said.code === "opened") window.location.reload();
  else pin.focus();
}

for (const button of document.querySelectorAll(".names button")) button.addEventListener("click", () => choose(button));
for (const key of form.querySelectorAll("[data-digit]")) {
  key.addEventListener("click", () => { if (pin.value.length < 6) pin.value += key.dataset.digit; });
}
form.querySelector("[data-back]").addEventListener("click", () => { pin.value = pin.value.slice(0, -1); });
form.addEventListener("submit", send);
