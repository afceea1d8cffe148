// Pictures to choose from: loaded when their dialog opens, uploaded in place. Which one was chosen is told by an
// event "picture" at the button that opened the dialog. The dialog may come into the page later than this.
import { fail } from "./toasts.js";

const choices = () => document.getElementById("picture-choices");
let opener = null;

function open(button) {
  opener = button;
  const place = choices();
  if (!place || place.dataset.asked) return;
  place.dataset.asked = "1";
  window.htmx?.trigger(place, "load-pictures");
}

function take(picture) {
  picture.closest("dialog").close();
  opener?.dispatchEvent(new CustomEvent("picture", { bubbles: true, detail: { ...picture.dataset } }));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.('[data-open="pictures"]');
  if (button) open(button);
  const picture = event.target.closest?.("#picture-choices [data-picture]");
  if (picture) take(picture);
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches?.("[data-picture-add]")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } });
    const piece = document.createElement("template");
    piece.innerHTML = await response.text();
    const oob = piece.content.querySelector("#toasts");
    if (oob) {
      document.getElementById("toasts").append(...oob.children);
      oob.remove();
    }
    if (response.ok) {
      choices().querySelector("p")?.remove();
      choices().prepend(piece.content);
      form.reset();
    } else if (response.status !== 422) fail();
  } catch {
    fail();
  }
  button.disabled = false;
});
