// A list that is there already is sent by its id, so that a second one of the same name is not made.
for (const form of document.querySelectorAll("form[data-list-name]")) {
  form.addEventListener("submit", () => {
    const box = form.elements.name;
    const known = [...box.list.options].find((option) => option.value === box.value.trim());
    form.querySelector("[data-target]").value = known?.dataset.id ?? "";
  });
}
