// A form that works for some seconds: it says so, and cannot be sent twice.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    form.querySelector("button").disabled = true;
    const words = form.querySelector("[data-once-words]");
    if (words) words.hidden = false;
  });
}
// Back from the next page: the button is itself again.
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-once] button")) button.disabled = false;
});
