// Personal words and ready pieces are put where the cursor stands.
const fields = () => document.querySelectorAll("[data-insert-here]");
let last = document.querySelector("[data-main]");

document.addEventListener("focusin", (event) => {
  if (event.target.matches?.("[data-insert-here]")) last = event.target;
});

export function insert(text, field = last) {
  if (!field || field.disabled || field.closest("fieldset")?.disabled) return;
  field.focus();
  // The browser's own way keeps its undo; where it is gone, the plain way.
  if (!document.execCommand("insertText", false, text)) {
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// In HTML a personal word may stand in an attribute, where double quotes would end it.
const fitting = (text) => (last?.name === "html" ? text.replaceAll('"', "'") : text);

function piece(name) {
  const ready = JSON.parse(document.getElementById("snippets").textContent);
  const field = document.querySelector("[name=html]");
  if (field.value.trim()) {
    insert(ready[name], field);
  } else {
    const mark = "<!-- content -->\n";
    insert(ready.skeleton.replace(mark, ready[name] + mark), field);
    const at = field.value.indexOf("<!-- content -->");
    field.setSelectionRange(at, at);
  }
  const at = field.value.lastIndexOf("…", field.selectionStart);
  if (ready[name].includes(">…<") && at >= 0) field.setSelectionRange(at, at + 1);
}

function withFallback(button) {
  const input = button.parentElement.querySelector("[data-fallback]");
  const words = input.value.trim();
  if (!words) {
    input.reportValidity();
    return;
  }
  const quoted = words.replaceAll('"', "”").replaceAll("'", "’").replaceAll("{", "").replaceAll("}", "");
  insert(fitting(button.dataset.insertToken.replace("…", quoted)));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-insert], [data-insert-token], [data-snippet], [data-replace]");
  if (!button) return;
  if (button.dataset.snippet) piece(button.dataset.snippet);
  else if (button.dataset.insertToken) withFallback(button);
  else if (button.dataset.insert) insert(fitting(button.dataset.insert));
  else {
    const field = document.querySelector("[data-main]");
    field.value = field.value.replaceAll(button.dataset.replace, button.dataset.with);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.("[data-fallback]")) return;
  event.preventDefault();
  withFallback(event.target.parentElement.querySelector("[data-insert-token]"));
});

const box = document.querySelector("[data-tokens]");
box?.querySelector("[data-token-search]").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  let found = 0;
  for (const group of box.querySelectorAll("[data-token-group]")) {
    let shown = 0;
    for (const token of group.querySelectorAll("[data-token]")) {
      token.hidden = !token.dataset.find.includes(wanted);
      shown += token.hidden ? 0 : 1;
    }
    group.hidden = !shown;
    found += shown;
  }
  box.querySelector("[data-token-none]").hidden = found > 0;
});
if (!fields().length) last = null;
