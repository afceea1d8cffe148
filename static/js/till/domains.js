// E-mail domains that are mistyped again and again: what was meant, or nothing.
const USUAL = [
  "gmail.com", "googlemail.com", "hotmail.com", "hotmail.es", "hotmail.fr", "hotmail.co.uk", "outlook.com", "outlook.es",
  "yahoo.com", "yahoo.es", "icloud.com", "live.com", "msn.com", "telefonica.net", "orange.fr", "gmx.de", "web.de",
  "libero.it", "sapo.pt", "mail.ru", "yandex.ru",
];
// Shorter ones are near too many others: `gmx.de` and `gmx.net` are both right.
const SHORTEST = 8;

export function meant(email, also = []) {
  const domain = (email.split("@")[1] || "").trim().toLowerCase();
  if (domain.length < SHORTEST - 1) return "";
  const known = [...also, ...USUAL];
  if (known.includes(domain)) return "";
  return known.find((each) => each.length >= SHORTEST && near(domain, each)) || "";
}

// One slip of a finger: a letter too many, too few, another one, or two that changed places.
export function near(typed, right) {
  if (typed === right || Math.abs(typed.length - right.length) > 1) return false;
  let place = 0;
  while (place < typed.length && typed[place] === right[place]) place += 1;
  const [one, other] = [typed.slice(place), right.slice(place)];
  return one.slice(1) === other || one === other.slice(1) || one.slice(1) === other.slice(1)
    || (one[0] === other[1] && one[1] === other[0] && one.slice(2) === other.slice(2));
}

// `pablo` or `pablo@gm` with the domain of a button: `pablo@gmail.com`.
export function completed(email, domain) {
  const local = email.split("@")[0].trim();
  return local ? `${local}@${domain}` : "";
}
