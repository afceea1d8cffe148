// Keys of the rule editor, wherever it stands: Backspace removes the row in focus, Ctrl+Enter saves; after a
// button the focus goes to the row it made.
const FORM = "#rule-form";

const typing = (target) => target.closest?.("input, textarea, select, button, summary");

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.(FORM);
  if (!form) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    const save = document.getElementById("save");
    if (save) form.requestSubmit(save);
    return;
  }
  const row = event.target.closest("[data-row]");
  if ((event.key === "Backspace" || event.key === "Delete") && row === event.target && !typing(event.target)) {
    event.preventDefault();
    form.querySelector(`button[name="do"][value="remove ${row.id.slice(3).replaceAll("-", ".")}"]`)?.click();
  }
});
// A menu on the right edge opens to the left.
document.addEventListener(
  "toggle",
  (event) => {
    const body = event.target.open && event.target.closest(FORM) && event.target.querySelector?.(".adder-body");
    if (!body) return;
    body.classList.toggle("leftwards", body.getBoundingClientRect().right > document.documentElement.clientWidth);
  },
  true,
);
document.addEventListener("htmx:after:swap", () => {
  const rule = document.getElementById("rule");
  const id = rule?.dataset.focus;
  if (!id) return;
  delete rule.dataset.focus;
  const row = document.getElementById(id);
  const inputs = [...(row?.querySelectorAll("input.value, select.value") ?? [])];
  (inputs.find((input) => !input.value) ?? inputs[0] ?? row)?.focus();
});
document.getElementById("mistakes")?.focus();
