// A card reader types like a keyboard. What tells it from a person: the shape of the whole (a card of this shop, as its
// settings say, ended by Enter or Tab), and that nobody types a dozen digits that fast.
const CARD = { digits: [12, 13], begins: [], check: "any", ...JSON.parse(document.body.dataset.card || "{}") };
const [SHORTEST, LONGEST] = [Math.min(...CARD.digits), Math.max(...CARD.digits)];
// On the whole: readers send a key every 2 to 90 ms.
const GAP_MS = 110;
const PAUSE_MS = 300;
const SOUND = "till-sound";

export function luhn(code) {
  return total(code, (digit) => (digit > 4 ? digit * 2 - 9 : digit * 2)) % 10 === 0;
}

export function ean(code) {
  return total(code, (digit) => digit * 3) % 10 === 0;
}

// Every second digit from the right is weighed.
function total(code, weighed) {
  return Array.from(code).reverse().reduce((sum, letter, place) => sum + (place % 2 ? weighed(Number(letter)) : Number(letter)), 0);
}

const beginning = (code) => CARD.begins.find((each) => code.toUpperCase().startsWith(each)) || "";
const numeric = (code) => /^\d+$/.test(code.slice(beginning(code).length));
const shaped = (code) => CARD.digits.includes(code.length) && numeric(code) && (!CARD.begins.length || Boolean(beginning(code)));
// A digit lost, doubled or mistaken on the way.
const slipped = (code) => code.length >= SHORTEST - 1 && code.length <= LONGEST + 1 && numeric(code);

function checked(code) {
  const digits = code.replace(/\D/g, "");
  if (CARD.check === "none") return true;
  if (CARD.check === "ean") return ean(digits);
  return luhn(digits) || (CARD.check === "any" && digits.length === 13 && ean(digits));
}

export const good = (code) => shaped(code) && checked(code);
// The number of an article: GS1 numbers have 8, 12, 13 or 14 digits and check alike.
export const article = (code) => /^(\d{8}|\d{12,14})$/.test(code) && ean(code);

const text = (keys) => keys.map((each) => each.letter).join("");
const gap = (keys) => (keys.length > 1 ? (keys[keys.length - 1].at - keys[0].at) / (keys.length - 1) : Infinity);

// What of these keys came from a reader: all of them, or all after the longest pause (somebody was typing before).
function scanned(keys, wanted) {
  let widest = 1;
  for (let place = 2; place < keys.length; place += 1) {
    if (keys[place].at - keys[place - 1].at > keys[widest].at - keys[widest - 1].at) widest = place;
  }
  const paused = keys.length > 2 && keys[widest].at - keys[widest - 1].at > GAP_MS;
  const fast = (paused ? [keys, keys.slice(widest)] : [keys]).filter((each) => gap(each) <= GAP_MS);
  return [wanted, shaped, slipped].map((test) => fast.find((each) => test(text(each)))).find(Boolean);
}

// `onScan(document, code => …, code => …)`: a card that was read, and one that was not read well. Whatever had the
// focus gets back what it held before. `goods`: what to do with the number of an article that is no card.
export function onScan(root, found, misread = () => {}, goods = null) {
  let keys = [];
  const wanted = (code) => good(code) || Boolean(goods && article(code));

  function note(event) {
    const { target } = event;
    keys.push({ letter: event.key, at: event.timeStamp, target, before: typeof target.value === "string" ? target.value : null });
  }

  function giveBack({ target, before }) {
    if (before === null || target.value === before) return;
    target.value = before;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }

  root.addEventListener("keydown", (event) => {
    const last = keys.length ? keys[keys.length - 1].at : 0;
    if (event.timeStamp - last > PAUSE_MS) keys = [];
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) { note(event); return; }
    if (event.key === "Shift") return;
    const read = event.key === "Enter" || event.key === "Tab" ? scanned(keys, wanted) : null;
    keys = [];
    if (!read) return;
    event.preventDefault();
    event.stopPropagation();
    giveBack(read[0]);
    const code = text(read);
    if (good(code)) found(code);
    else if (wanted(code)) goods(code);
    else misread(code);
  }, true);
}

export function sounds() {
  try {
    return localStorage.getItem(SOUND) !== "off";
  } catch {
    return true;
  }
}

export function turnSound(on) {
  try {
    localStorage.setItem(SOUND, on ? "on" : "off");
  } catch {
    // Then it is on again next time.
  }
}

// A short tone: high for a card that was read, low for one that was not. Colour and words say it too.
export function beep(ok) {
  if (!sounds()) return;
  try {
    const sound = new AudioContext();
    const tone = sound.createOscillator();
    const loud = sound.createGain();
    tone.frequency.value = ok ? 1320 : 240;
    loud.gain.value = 0.08;
    tone.connect(loud).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + (ok ? 0.09 : 0.3));
    tone.onended = () => sound.close();
  } catch {
    // No sound here.
  }
}
