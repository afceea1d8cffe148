// What somebody wrote and no server has yet, kept in this browser: for them alone, for two weeks at most, and
// until they log out.
const HEAD = "cauce.kept.";
const LONGEST = 14 * 24 * 3600 * 1000;

export function kept(place) {
  try {
    return JSON.parse(localStorage.getItem(HEAD + place) ?? "null");
  } catch {
    return null;
  }
}

export function keep(place, what) {
  try {
    localStorage.setItem(HEAD + place, JSON.stringify({ ...what, at: Date.now() }));
    return true;
  } catch {
    return false; // no room, or not allowed: it is still in the page
  }
}

export function forget(place) {
  try {
    localStorage.removeItem(HEAD + place);
  } catch {
    // Not allowed, so nothing is kept.
  }
}

export function places() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(HEAD)).map((key) => key.slice(HEAD.length));
  } catch {
    return [];
  }
}

for (const place of places()) {
  if (!(kept(place)?.at > Date.now() - LONGEST)) forget(place);
}
document.addEventListener("submit", (event) => {
  if (event.target.action?.endsWith?.("/logout/")) places().forEach(forget);
});
