/**
 * Settings as JSON text, where the app has no schema for them.
 */

import { element } from "./dom.js";

/** @typedef {import("./app-settings.js").Editor} Editor */

/** @returns {Editor} */
export function makeJsonEditor() {
  const label = element("label", "Settings as JSON");
  label.setAttribute("for", "settings-json");
  const text = /** @type {HTMLTextAreaElement} */ (element("textarea", "", "mono"));
  Object.assign(text, { id: "settings-json", rows: 10, spellcheck: false });
  text.setAttribute("aria-describedby", "settings-json-hint");
  const hint = element("p", "", "hint");
  hint.id = "settings-json-hint";
  const field = element("div", "", "field");
  field.append(label, text, hint);

  return {
    elements: [field],
    write(document) {
      text.value = JSON.stringify(document, null, 2);
    },
    read() {
      try {
        const document = JSON.parse(text.value || "{}");
        if (document && typeof document === "object" && !Array.isArray(document)) {
          return { document, faults: [] };
        }
        return wrong("The settings are an object, between { and }.");
      } catch (error) {
        return wrong(`This is no JSON: ${/** @type {Error} */ (error).message}.`);
      }
    },
    complain(faults) {
      const here = faults.filter((fault) => fault.pointer === "");
      hint.textContent = here.map((fault) => fault.problem).join(" ");
      if (here.length > 0) text.setAttribute("aria-invalid", "true");
      else text.removeAttribute("aria-invalid");
      return faults.filter((fault) => fault.pointer !== "");
    },
  };
}

/** @param {string} problem */
function wrong(problem) {
  return { document: {}, faults: [{ pointer: "", problem }] };
}
