/**
 * A form made from a JSON Schema: a field for each property, groups for objects. What a form cannot
 * show is a field with JSON; what the schema does not name stays in the document as it is.
 */

import { element } from "./dom.js";
import { makeField } from "./schema-field.js";
import { nameOf, resolved, typeOf } from "./schema.js";

/** @typedef {import("./app-settings.js").Editor} Editor */
/** @typedef {import("./app-settings.js").Fault} Fault */
/** @typedef {{path: string[], field: import("./schema-field.js").Field}} Placed */

/** @param {any} schema @returns {Editor} */
export function makeForm(schema) {
  /** @type {Placed[]} */
  const placed = [];
  const elements = fieldsOf(resolved(schema, schema), []);
  /** @type {Record<string, any>} */
  let written = {};

  /** @param {any} object @param {string[]} above @returns {HTMLElement[]} */
  function fieldsOf(object, above) {
    return Object.entries(object.properties ?? {}).map(([name, raw]) => {
      const property = resolved(raw, schema);
      const path = [...above, name];
      if (typeOf(property) === "object" && property.properties) return group(name, property, path);
      const needed = (object.required ?? []).includes(name);
      const field = makeField(path.join("."), nameOf(name, property), property, needed);
      placed.push({ path, field });
      return field.element;
    });
  }

  /** @param {string} name @param {any} property @param {string[]} path */
  function group(name, property, path) {
    const set = element("fieldset", "");
    set.append(element("legend", nameOf(name, property)));
    if (property.description) set.append(element("p", property.description, "quiet"));
    set.append(...fieldsOf(property, path));
    return set;
  }

  return {
    elements,
    write(document) {
      written = document;
      for (const { path, field } of placed) field.write(at(document, path));
    },
    read() {
      const document = structuredClone(written);
      /** @type {Fault[]} */
      const faults = [];
      for (const { path, field } of placed) {
        const { value, problem } = field.read();
        if (problem) faults.push({ pointer: pointerOf(path), problem });
        else put(document, path, value);
      }
      return { document, faults };
    },
    complain(faults) {
      const rest = new Set(faults);
      for (const { path, field } of placed) {
        const pointer = pointerOf(path);
        const here = faults.filter(
          (fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`),
        );
        field.complain(here.map((fault) => fault.problem).join(" "));
        for (const fault of here) rest.delete(fault);
      }
      return [...rest];
    },
  };
}

/** RFC 6901. @param {string[]} path */
function pointerOf(path) {
  return path.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** @param {any} document @param {string[]} path */
function at(document, path) {
  return path.reduce((found, step) => found?.[step], document);
}

/** @param {any} document @param {string[]} path @param {any} value undefined takes it away */
function put(document, path, value) {
  const [last, ...above] = path.toReversed();
  let place = document;
  for (const step of above.toReversed()) {
    if (value === undefined && !place[step]) return;
    place = place[step] ??= {};
  }
  if (value === undefined) delete place[last];
  else place[last] = value;
}
