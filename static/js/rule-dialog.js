// "Edit rule" opens the rule editor over the journey. Where a dialog has no room, the link leads to its page.
const dialog = document.getElementById("rule-dialog");
const wide = matchMedia("(min-width: 641px)");
let before = "";
let shown = null; // the form that is open

const form = () => dialog.querySelector("form");
const typed = () => JSON.stringify([...new FormData(form())].filter(([name]) => name !== "q"));

async function open(link) {
  const answer = await fetch(link.href, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.status !== 200) {
    location.href = link.href;
    return;
  }
  const parts = new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes;
  dialog.replaceChildren(...[...parts].map((part) => document.importNode(part, true)));
  dialog.showModal();
  window.htmx?.process(dialog);
  before = typed();
  shown = form();
}

// It came back: with mistakes, or because somebody else was faster.
function returned() {
  if (!dialog.open || !form() || form() === shown) return;
  shown = form();
  (dialog.querySelector("#mistakes") ?? dialog.querySelector("#save"))?.focus();
  dialog.querySelector("#mistakes, .stale")?.scrollIntoView({ block: "nearest" });
}

if (dialog) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-rule-dialog]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || !wide.matches) return;
    event.preventDefault();
    open(link);
  });
  // Escape closes a menu first, and what is not saved yet only when it is pressed once more.
  dialog.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && dialog.querySelector("details[data-menu][open]");
    if (!menu) return;
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  dialog.addEventListener("cancel", (event) => {
    const line = dialog.querySelector("#rule-unsaved");
    if (!line || line.textContent || typed() === before) return;
    event.preventDefault();
    line.textContent = line.dataset.words;
  });
  document.addEventListener("rule-kept", () => dialog.close());
  // Nothing of it stays behind: its count would go on asking.
  dialog.addEventListener("close", () => dialog.replaceChildren());
  document.addEventListener("htmx:after:swap", returned);
}
