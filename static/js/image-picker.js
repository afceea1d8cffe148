// Pictures in the e-mail editor: loaded when the dialog opens, uploaded in place, put where the cursor stands.
import { insert } from "./tokens.js";
import { fail } from "./toasts.js";

const dialog = document.querySelector("[data-pictures]");
const choices = document.getElementById("picture-choices");
const WIDEST = 552;

const quoted = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

if (dialog) {
  let loaded = false;
  document.addEventListener("click", (event) => {
    if (event.target.closest?.('[data-open="pictures"]') && !loaded) {
      loaded = true;
      window.htmx?.trigger(choices, "load-pictures");
    }
  });
  choices.addEventListener("click", (event) => {
    const picture = event.target.closest("[data-picture]");
    if (!picture) return;
    dialog.close();
    const width = Math.min(Number(picture.dataset.pixels), WIDEST);
    const html = `<img src="${quoted(picture.dataset.picture)}" alt="${quoted(picture.dataset.alt)}" width="${width}" style="display:block;max-width:100%;height:auto;border:0">\n`;
    insert(html, document.querySelector("[name=html]"));
  });
  dialog.querySelector("[data-picture-add]").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
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
        choices.querySelector("p")?.remove();
        choices.prepend(piece.content);
        form.reset();
      } else if (response.status !== 422) fail();
    } catch {
      fail();
    }
    button.disabled = false;
  });
}
