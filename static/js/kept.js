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

export const forget = (place) => localStorage.removeItem(HEAD + place);

export const places = () => Object.keys(localStorage).filter((key) => key.startsWith(HEAD)).map((key) => key.slice(HEAD.length));

for (const place of places()) {
  if (!(kept(place)?.at > Date.now() - LONGEST)) forget(place);
}
document.addEventListener("submit", (event) => {
  if (event.target.action?.endsWith?.("/logout/")) places().forEach(forget);
});
