// Light or dark before the first paint: as the person chose, else as the system says.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const apply = () => {
  const chosen = localStorage.getItem("theme");
  const scheme = chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
  document.documentElement.setAttribute("data-bs-theme", scheme);
};
apply();
dark.addEventListener("change", apply);
window.addEventListener("storage", apply);
document.addEventListener("theme", apply);
