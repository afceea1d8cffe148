// A country chosen brings its time zone and currency along, until somebody has chosen those themselves.
for (const country of document.querySelectorAll("[data-country-hints]")) {
  const hints = JSON.parse(country.dataset.countryHints);
  const form = country.form;
  const touched = new Set();
  form.addEventListener("change", (event) => {
    if (event.target !== country) touched.add(event.target.name);
  });
  country.addEventListener("change", () => {
    const [zone, currency] = hints[country.value] ?? ["", ""];
    for (const [name, value] of [["zone", zone], ["currency", currency]]) {
      const field = form.elements[name];
      if (field && !touched.has(name) && (value || name === "zone")) field.value = value;
    }
  });
}
