// A button that copies the field it names: data-copy="id" (a field, or code on the page). It says that it did.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  if (field.select) field.select();
  else window.getSelection().selectAllChildren(field);
  try {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
  } catch {
    document.execCommand("copy");
  }
  const words = button.querySelector("[data-copied]");
  if (words) words.textContent = words.dataset.copied;
});
