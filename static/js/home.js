// Home renews itself, but never under somebody's hands; its filters need no button.
document.addEventListener("htmx:before:request", (event) => {
  const renewed = event.target.closest?.("[data-renews]");
  if (!renewed || event.target !== renewed) return;
  if (renewed.contains(document.activeElement) || renewed.querySelector("[data-editing]")) event.preventDefault();
});
document.addEventListener("htmx:after:swap", () => {
  document.querySelector("[data-editing] input:not([type=hidden])")?.focus();
});
for (const form of document.querySelectorAll("form[data-send-on-change]")) {
  form.querySelector("[data-without-script]")?.setAttribute("hidden", "");
  form.addEventListener("change", () => form.requestSubmit());
}
