// Search and commands: "/" or Ctrl+K opens, arrows choose, Enter goes there.
const dialog = document.getElementById("commands");

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

function show() {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  const input = dialog.querySelector("input");
  input.select();
  window.htmx?.trigger(input, "load-hits");
}

function choose(step) {
  const hits = [...dialog.querySelectorAll("a.hit")];
  if (!hits.length) return;
  const at = hits.findIndex((hit) => hit.getAttribute("aria-selected") === "true");
  const next = (at + step + hits.length + (at < 0 && step < 0 ? 1 : 0)) % hits.length;
  hits.forEach((hit, index) => hit.setAttribute("aria-selected", String(index === next)));
  hits[next].scrollIntoView({ block: "nearest" });
  dialog.querySelector("input").setAttribute("aria-activedescendant", hits[next].id);
}

if (dialog) {
  document.addEventListener("keydown", (event) => {
    const wanted = (event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !typing(event.target));
    // A page may have a finder of its own under "/".
    if (!wanted || (event.key === "/" && document.querySelector("[data-own-slash]"))) return;
    event.preventDefault();
    show();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-open-commands]")) return;
    event.preventDefault();
    show();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(1);
    else if (event.key === "ArrowUp") choose(-1);
    else if (event.key === "Enter") {
      const hit = dialog.querySelector('a.hit[aria-selected="true"]') ?? dialog.querySelector("a.hit");
      if (!hit) return;
      hit.click();
    } else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.documentElement.dataset.commands = "ready";
  if (document.documentElement.dataset.early === "commands") show();
}
