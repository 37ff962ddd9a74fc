/**
 * What an SMS may be: its numbers and how many parts its text takes. Nothing of the page is here.
 */

// GSM 03.38, the alphabet in which a part holds 160 characters. Those of the second set take two.
const BASIC = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const EXTENDED = new Set("\f^{}\\[~]|€");

/**
 * @typedef {object} Size
 * @property {"gsm" | "unicode"} alphabet
 * @property {number} characters as a person counts them
 * @property {number} parts messages that will be sent and charged
 * @property {number} left room in the last part
 * @property {string} culprit the first character that GSM lacks
 */

/** @param {string} text @returns {Size} */
export function measure(text) {
  const characters = [...text];
  const culprit = characters.find((c) => !BASIC.has(c) && !EXTENDED.has(c)) ?? "";
  // A part of several is shorter, because it says which one it is.
  const [alone, chained] = culprit ? [70, 67] : [160, 153];
  const widths = characters.map((c) => (culprit ? c.length : EXTENDED.has(c) ? 2 : 1));
  const total = widths.reduce((sum, width) => sum + width, 0);

  let parts = total > 0 ? 1 : 0;
  let left = alone - total;
  if (total > alone) {
    left = chained;
    for (const width of widths) {
      if (width > left) {
        parts += 1; // a character is never cut in two
        left = chained;
      }
      left -= width;
    }
  }
  return {
    alphabet: culprit ? "unicode" : "gsm",
    characters: characters.length,
    parts,
    left,
    culprit,
  };
}

/** Digits only, as Infobip wants them, from "+41 79 302 67 27" or "0041-79-…".
 *  @param {string} input */
export function asNumber(input) {
  return input.replace(/[\s\u00a0\u202f().\-/]/g, "").replace(/^(\+|00)/, "");
}

/** @param {string} input @returns {string} what is wrong, or nothing */
export function wrongRecipient(input) {
  if (!input.trim()) return "Enter the phone number to send to.";
  if (/\(\s*0\s*\)/.test(input)) return "Leave out the (0) after the country code.";
  const digits = asNumber(input);
  if (!/^\d+$/.test(digits)) return "A phone number has only digits, such as +41 79 302 67 27.";
  if (digits.startsWith("0")) return "Begin with the country code, such as +41.";
  if (digits.length < 7) return "This number is too short.";
  if (digits.length > 15) return "This number is too long: 15 digits at most.";
  return "";
}

/** @param {string} input @returns {string} the sender as it is sent */
export function asSender(input) {
  const trimmed = input.trim();
  const digits = asNumber(trimmed);
  return /^\d+$/.test(digits) && /^[+\d]/.test(trimmed) ? digits : trimmed;
}

/** @param {string} input @returns {string} what is wrong, or nothing */
export function wrongSender(input) {
  const sender = asSender(input);
  if (!sender) return "Enter a sender name or number.";
  if (/^\d+$/.test(sender)) {
    return sender.length < 3 || sender.length > 15 ? "A sender number has 3 to 15 digits." : "";
  }
  return sender.length > 11 ? "A sender name has 11 characters at most." : "";
}

/** @param {string} text @returns {string} what is wrong, or nothing */
export function wrongText(text) {
  return text.trim() ? "" : "Write the message first.";
}
