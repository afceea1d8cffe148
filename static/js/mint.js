// A name that nobody has used before: for an edit, so that its answer may get lost, or for a draft kept in the browser.
export const mint = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36).padStart(2, "0")).join("");
