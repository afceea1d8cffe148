// A picture that was chosen is put where the cursor stands in the words of the e-mail.
import { insert } from "./tokens.js";

const WIDEST = 552;
const quoted = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

document.addEventListener("picture", ({ detail }) => {
  const width = Math.min(Number(detail.pixels), WIDEST);
  const html = `<img src="${quoted(detail.picture)}" alt="${quoted(detail.alt)}" width="${width}" style="display:block;max-width:100%;height:auto;border:0">\n`;
  insert(html, document.querySelector("[name=html]"));
});
