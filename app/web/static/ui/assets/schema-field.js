/**
 * One field of a form: the control that suits its schema, with its label, its description and what
 * is wrong with it.
 */

import { element } from "./dom.js";
import { choicesOf, typeOf } from "./schema.js";

/**
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {(value: any) => void} write
 * @property {() => {value?: any, problem?: string}} read no value where the field is empty
 * @property {(problem: string) => void} complain
 */
/** @typedef {{control: any, write: (value: any) => void, read: () => any}} Control `read` throws a sentence */

const LONG = 120; // characters; what may have more gets several lines
const INPUT_TYPES = { email: "email", uri: "url", date: "date", time: "time" };

/**
 * @param {string} name @param {string} label @param {any} schema @param {boolean} needed
 * @returns {Field}
 */
export function makeField(name, label, schema, needed) {
  const { control, write, read } = controlFor(schema, needed);
  const id = `setting-${name}`;
  control.id = id;
  const title = element("label", label);
  title.setAttribute("for", id);
  if (needed && control.type !== "checkbox") title.append(element("span", " required", "quiet"));
  const about = element("p", schema.description ?? "", "about");
  about.id = `${id}-about`;
  const hint = element("p", "", "hint");
  hint.id = `${id}-hint`;
  control.setAttribute("aria-describedby", `${about.id} ${hint.id}`);
  control.required = needed && control.type !== "checkbox";

  const field = element("div", "", control.type === "checkbox" ? "field tick" : "field");
  field.append(...(control.type === "checkbox" ? [control, title] : [title, control]), about, hint);

  /** @param {string} problem */
  function complain(problem) {
    hint.textContent = problem;
    if (problem) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  control.addEventListener("input", () => complain(""));

  return {
    element: field,
    write: (value) => write(value === undefined ? schema.default : value),
    read() {
      try {
        const value = read();
        if (value === undefined && needed) return { problem: "This is needed." };
        return control.checkValidity() ? { value } : { problem: control.validationMessage };
      } catch (problem) {
        return { problem: String(problem) };
      }
    },
    complain,
  };
}

/** @param {any} schema @param {boolean} needed @returns {Control} */
function controlFor(schema, needed) {
  const choices = choicesOf(schema);
  if (choices) return choiceControl(choices, needed);
  const type = typeOf(schema);
  if (type === "boolean") return tickControl();
  if (type === "number" || type === "integer") return numberControl(schema, type);
  if (type === "string") return textControl(schema);
  const { items } = schema;
  if (type === "array" && typeOf(items ?? {}) === "string" && !choicesOf(items)) return linesControl();
  return jsonControl();
}

/** @param {import("./schema.js").Choice[]} choices @param {boolean} needed @returns {Control} */
function choiceControl(choices, needed) {
  const control = /** @type {HTMLSelectElement} */ (element("select", ""));
  const none = new Option(needed ? "Choose …" : "Not set", "");
  const options = choices.map(({ label }, index) => new Option(label, String(index)));
  control.append(none, ...options);
  return {
    control,
    write(value) {
      const index = choices.findIndex((choice) => JSON.stringify(choice.value) === JSON.stringify(value));
      control.value = index < 0 ? "" : String(index);
    },
    read: () => (control.value === "" ? undefined : choices[Number(control.value)].value),
  };
}

/** @returns {Control} */
function tickControl() {
  const control = input("checkbox");
  return {
    control,
    write: (value) => {
      control.checked = value === true;
    },
    read: () => control.checked,
  };
}

/** @param {any} schema @param {string} type @returns {Control} */
function numberControl({ minimum, maximum, multipleOf }, type) {
  const control = input("number");
  control.min = String(minimum ?? "");
  control.max = String(maximum ?? "");
  control.step = type === "integer" ? "1" : String(multipleOf ?? "any");
  return {
    control,
    write: (value) => {
      control.value = value ?? "";
    },
    read() {
      if (control.validity.badInput) throw "This is not a number.";
      return control.value === "" ? undefined : Number(control.value);
    },
  };
}

/** @param {any} schema @returns {Control} */
function textControl({ format, minLength, maxLength }) {
  const long = maxLength > LONG;
  const type = INPUT_TYPES[/** @type {"email"} */ (format)] ?? "text";
  const control = long ? area(3) : input(type);
  if (minLength) control.minLength = minLength;
  if (maxLength) control.maxLength = maxLength;
  return {
    control,
    write: (value) => {
      control.value = value ?? "";
    },
    read: () => (control.value === "" ? undefined : control.value),
  };
}

/** A list of strings, one in each line. @returns {Control} */
function linesControl() {
  const control = area(3);
  return {
    control,
    write: (value) => {
      control.value = Array.isArray(value) ? value.join("\n") : "";
    },
    read() {
      const lines = control.value.split("\n").map((line) => line.trim());
      const filled = lines.filter(Boolean);
      return filled.length > 0 ? filled : undefined;
    },
  };
}

/** @returns {Control} */
function jsonControl() {
  const control = area(4);
  control.className = "mono";
  control.spellcheck = false;
  return {
    control,
    write: (value) => {
      control.value = value === undefined ? "" : JSON.stringify(value, null, 2);
    },
    read() {
      if (!control.value.trim()) return undefined;
      try {
        return JSON.parse(control.value);
      } catch (error) {
        throw `This is no JSON: ${/** @type {Error} */ (error).message}.`;
      }
    },
  };
}

/** @param {string} type @returns {HTMLInputElement} */
function input(type) {
  const made = /** @type {HTMLInputElement} */ (element("input", ""));
  made.type = type;
  return made;
}

/** @param {number} rows @returns {HTMLTextAreaElement} */
function area(rows) {
  const made = /** @type {HTMLTextAreaElement} */ (element("textarea", ""));
  made.rows = rows;
  made.dir = "auto";
  return made;
}
