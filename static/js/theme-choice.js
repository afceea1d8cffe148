// The choice of light, dark or the system's, kept in this browser.
for (const choice of document.querySelectorAll("[data-theme-choice]")) {
  const chosen = localStorage.getItem("theme") ?? "";
  for (const input of choice.querySelectorAll("input")) {
    input.checked = input.value === chosen;
    input.addEventListener("change", () => {
      if (input.value) localStorage.setItem("theme", input.value);
      else localStorage.removeItem("theme");
      document.dispatchEvent(new Event("theme"));
    });
  }
}
