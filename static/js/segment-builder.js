// Keys of the segment builder: Backspace removes the row in focus, Ctrl+Enter saves; after a button the
// focus goes to the row it made.
const form = document.getElementById("builder");

const typing = (target) => target.closest?.("input, textarea, select, button, summary");

if (form) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      const save = document.getElementById("save");
      if (save) form.requestSubmit(save);
      return;
    }
    const row = event.target.closest?.("[data-row]");
    if ((event.key === "Backspace" || event.key === "Delete") && row === event.target && !typing(event.target)) {
      event.preventDefault();
      form.querySelector(`button[name="do"][value="remove ${row.id.slice(3).replaceAll("-", ".")}"]`)?.click();
    }
  });
  // A menu on the right edge opens to the left.
  form.addEventListener(
    "toggle",
    (event) => {
      const body = event.target.open && event.target.querySelector?.(".adder-body");
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
  document.querySelector("#mistakes")?.focus();
}
