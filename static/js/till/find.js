// One box: typed or scanned; a scan leads straight to the customer.
import { beep, onScan } from "./scanner.js";

const box = document.getElementById("q");
const said = document.getElementById("scanned");

onScan(document, (code) => {
  said.textContent = "";
  beep(true);
  window.location.assign(`?scan=1&q=${encodeURIComponent(code)}`);
}, () => {
  said.textContent = said.dataset.misread;
  beep(false);
});
document.addEventListener("till:clear", () => {
  box.value = "";
  document.getElementById("found").replaceChildren();
});
