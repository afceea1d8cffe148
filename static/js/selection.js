// Rows that are chosen by their boxes: how many, all at once, and what the buttons of the bar do with them.
for (const bar of document.querySelectorAll("form[data-selection]")) {
  // The boxes are called "id", and so hide the form's own property of that name.
  const name = bar.getAttribute("id");
  const all = document.querySelector(`[data-all="${name}"]`);
  const boxes = [...document.querySelectorAll(`input[type="checkbox"][form="${name}"]`)];
  const count = bar.querySelector("[data-count]");

  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    bar.hidden = chosen === 0;
    count.textContent = chosen ? `${chosen} ${count.dataset.words}` : "";
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && !all.checked;
  };

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) box.addEventListener("change", show);
  // Enter in a box of the bar is its own button.
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.dataset.targetFor) return;
    event.preventDefault();
    bar.requestSubmit(bar.querySelector(`button[value="${event.target.dataset.targetFor}"]`));
  });
  bar.addEventListener("submit", (event) => {
    const box = bar.querySelector(`[data-target-for="${event.submitter?.value}"]`);
    if (!box) return;
    if (!box.value.trim()) {
      event.preventDefault();
      box.focus();
      return;
    }
    // A list that is there already is sent by its id, so that a second one of the same name is not made.
    const known = [...(box.list?.options ?? [])].find((option) => option.value === box.value.trim());
    bar.querySelector("[data-target]").value = known?.dataset.id ?? box.value.trim();
  });
  // The browser keeps ticks over a reload.
  window.addEventListener("pageshow", show);
  show();
}
