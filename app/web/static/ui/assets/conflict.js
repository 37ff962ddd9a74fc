/**
 * Two versions of the settings, side by side where they differ, and the choice between them.
 */

import { element } from "./dom.js";
import { once } from "./result.js";
import { nameOf } from "./schema.js";

/**
 * @param {HTMLElement} box
 * @param {{mine: Record<string, any>, theirs: Record<string, any>, schema: any}} versions
 * @param {(choice: "mine" | "theirs") => Promise<void>} choose
 */
export function showConflict(box, { mine, theirs, schema }, choose) {
  const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])].filter(
    (name) => JSON.stringify(mine[name]) !== JSON.stringify(theirs[name]),
  );
  const title = element("h3", "Somebody else has saved meanwhile");
  title.tabIndex = -1;
  const text = names.length
    ? "Nothing of yours is saved yet. This is where the two differ:"
    : "They have saved the same as you.";
  box.replaceChildren(title, element("p", text));
  if (names.length > 0) box.append(table(names, mine, theirs, schema));
  box.append(
    choices([
      ["Save mine over it", "mine"],
      ["Take theirs", "theirs"],
    ]),
  );
  box.hidden = false;
  title.focus();

  /** @param {["Save mine over it" | "Take theirs", "mine" | "theirs"][]} offers */
  function choices(offers) {
    const line = element("div", "", "send-line");
    for (const [label, choice] of offers) {
      const button = element("button", label, choice === "mine" ? "button" : "button plain");
      button.setAttribute("type", "button");
      button.addEventListener("click", () => once(button, () => choose(choice)));
      line.append(button);
    }
    return line;
  }
}

/**
 * @param {string[]} names
 * @param {Record<string, any>} mine
 * @param {Record<string, any>} theirs
 * @param {any} schema
 */
function table(names, mine, theirs, schema) {
  const made = element("table", "");
  const head = element("tr", "");
  for (const title of ["Setting", "Yours", "Saved meanwhile"]) {
    const cell = element("th", title);
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  made.append(head);
  for (const name of names) {
    const row = element("tr", "");
    const label = element("th", nameOf(name, schema?.properties?.[name]));
    label.setAttribute("scope", "row");
    row.append(label, element("td", inWords(mine[name])), element("td", inWords(theirs[name])));
    for (const cell of row.children) cell.setAttribute("dir", "auto");
    made.append(row);
  }
  return made;
}

/** @param {any} value */
function inWords(value) {
  if (value === undefined) return "not set";
  if (value === true) return "Yes";
  if (value === false) return "No";
  return typeof value === "string" ? value || "empty" : JSON.stringify(value);
}
