// Parts of a form that belong to one choice: data-when="field=value,other" is shown while the field
// has one of these values. Without scripts everything is shown.
function apply(form) {
  for (const part of form.querySelectorAll("[data-when]")) {
    const [name, values] = part.dataset.when.split("=");
    const chosen = form.elements[name]?.value ?? "";
    part.hidden = !values.split(",").includes(chosen) && !part.querySelector(".is-invalid");
  }
}

for (const form of document.querySelectorAll("form")) {
  if (!form.querySelector("[data-when]")) continue;
  apply(form);
  form.addEventListener("change", () => apply(form));
}

// A link of a check leads to the field that mends it.
const wanted = window.location.hash.slice(1);
if (wanted) {
  const field = document.getElementById(wanted);
  if (field?.closest("[hidden]")) field.closest("[hidden]").hidden = false;
  field?.focus();
}
