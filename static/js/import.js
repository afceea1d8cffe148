// A column that is said to be something else is looked at again at once.
for (const form of document.querySelectorAll("[data-import]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) {
      form.requestSubmit(form.querySelector("button[name=look]"));
    }
  });
}
