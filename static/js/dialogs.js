// Buttons that open and close native dialogs: data-open="id", data-close inside one.
// Loaded before the page, not after it: whoever presses "Publish" or Ctrl+K early is heard, too.
document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.open)?.showModal();
  }
  event.target.closest?.("[data-close]")?.closest("dialog")?.close();
});
document.addEventListener("keydown", (event) => {
  const html = document.documentElement.dataset;
  if (html.commands || event.key !== "k" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  html.early = "commands"; // commands.js looks here as soon as it is there
});
