// One more row of a set of forms: a copy of its template with the next number.
for (const rows of document.querySelectorAll("[data-rows]")) {
  const total = rows.querySelector(`[name="${rows.dataset.rows}-TOTAL_FORMS"]`);
  const template = rows.querySelector("template");
  const button = rows.querySelector("[data-add-row]");
  button.addEventListener("click", () => {
    const holder = document.createElement("template");
    holder.innerHTML = template.innerHTML.replaceAll("__prefix__", total.value);
    total.value = String(Number(total.value) + 1);
    const row = holder.content.firstElementChild;
    template.before(row);
    row.querySelector("input, select").focus();
  });
}
