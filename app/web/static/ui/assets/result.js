/**
 * What came of a button that somebody pressed, in words beside it. `data-outcome` says it for
 * style and tests: absent while there is nothing to tell, then `ok` or `error`.
 */

import { element } from "./dom.js";

/** @param {HTMLElement} box */
export function clear(box) {
  delete box.dataset.outcome;
  box.replaceChildren();
}

/** @param {HTMLElement} box @param {string} text */
export function showWaiting(box, text) {
  delete box.dataset.outcome;
  box.replaceChildren(element("p", text, "quiet"));
}

/**
 * @param {HTMLElement} box
 * @param {string} title
 * @param {string} text
 * @param {string} [code]
 */
export function showSuccess(box, title, text, code) {
  fill(box, "ok", { title, text, list: [], code: code ?? "" });
}

/** @param {HTMLElement} box @param {import("./words.js").Explanation} failure */
export function showFailure(box, failure) {
  fill(box, "error", failure);
}

/**
 * @param {HTMLElement} box
 * @param {"ok" | "error"} outcome
 * @param {import("./words.js").Explanation} words
 */
function fill(box, outcome, { title, text, list, code }) {
  const parts = [element("p", title, "result-title")];
  if (text) parts.push(spoken(element("p", text)));
  if (list.length > 0) {
    const items = element("ul", "");
    items.append(...list.map((item) => spoken(element("li", item))));
    parts.push(items);
  }
  if (code) parts.push(element("p", code, "code"));
  box.replaceChildren(...parts);
  box.dataset.outcome = outcome;
}

/** Other people's words, in whatever direction they run. @param {HTMLElement} made */
function spoken(made) {
  made.dir = "auto";
  return made;
}

/**
 * Runs the action unless it is running already. The button stays focusable meanwhile, so that the
 * keyboard does not lose its place.
 *
 * @param {HTMLElement} button
 * @param {() => Promise<void>} action
 */
export async function once(button, action) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await action();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
