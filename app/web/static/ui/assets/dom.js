/**
 * The little that the pages need to write into the document. Names come from people and from
 * Infobip and may hold markup, any script, or nothing at all: everything is set as text.
 */

/** @param {string} id @returns {any} the element, which the page is known to have */
export const byId = (id) => document.getElementById(id);

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} [className]
 */
export function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Sets text on an element that the page may lack; touches nothing when it is unchanged.
 *  @param {string} id @param {string} text */
export function setText(id, text) {
  const target = byId(id);
  if (target && target.textContent !== text) target.textContent = text;
}
