// Ids that a till makes itself: the time, then chance (ULID).
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function ulid(now = Date.now()) {
  let time = "";
  for (let left = now, place = 0; place < 10; place += 1) {
    time = LETTERS[left % 32] + time;
    left = Math.floor(left / 32);
  }
  const chance = crypto.getRandomValues(new Uint8Array(16));
  return time + Array.from(chance, (byte) => LETTERS[byte % 32]).join("");
}
