// One customer: a no at once, a yes with the text that is read to them.
import { ulid } from "./ulid.js";

const away = document.querySelector("script[data-away]").dataset.away;
const dialog = document.getElementById("grant");
const texts = dialog ? JSON.parse(document.getElementById("texts").textContent) : {};

for (const each of document.querySelectorAll("[data-fresh]")) each.value = ulid();

function ask(button) {
  const form = dialog.querySelector("form");
  const choices = texts[button.dataset.read];
  form.elements.purpose.value = button.dataset.read;
  form.elements.channel.value = button.dataset.channel;
  form.elements.wording.replaceChildren(...choices.map((each) => new Option(each.language.toUpperCase(), each.code, each.first, each.first)));
  const show = () => {
    const chosen = choices.find((each) => each.code === form.elements.wording.value);
    const place = dialog.querySelector("[data-text]");
    place.textContent = chosen.text;
    place.lang = chosen.language;
  };
  form.elements.wording.onchange = show;
  show();
  dialog.showModal();
}

if (dialog) {
  for (const button of document.querySelectorAll("[data-read]")) button.addEventListener("click", () => ask(button));
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}
document.addEventListener("till:clear", () => window.location.replace(away));
