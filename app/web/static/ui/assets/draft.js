/**
 * A half-written message survives connecting again, which leaves the page. It waits in this
 * tab's sessionStorage, for the same person in the same conversation, and once only: somebody
 * else may sit down at the same browser.
 */

const KEY = "hearth-draft";
const KEPT_MS = 10 * 60_000;

/** @typedef {Record<string, string>} Draft what was typed, by field */

/** @param {string} owner @param {Draft} draft @returns {boolean} false when the browser keeps nothing */
export function keepDraft(owner, draft) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ owner, draft, at: Date.now() }));
    return true;
  } catch {
    return false; // blocked for third parties, or full
  }
}

/** @param {string} owner @returns {Draft | null} */
export function takeDraft(owner) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    sessionStorage.removeItem(KEY);
    return kept?.owner === owner && Date.now() - kept.at < KEPT_MS ? kept.draft : null;
  } catch {
    return null;
  }
}
