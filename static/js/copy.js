// A button that copies the field it names: data-copy="id". It says that it did.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy");
  }
  const words = button.querySelector("[data-copied]");
  if (words) words.textContent = words.dataset.copied;
});
