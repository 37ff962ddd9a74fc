/**
 * What a JSON Schema says about one setting, as far as a form can use it.
 */

/** @typedef {{value: any, label: string}} Choice */

/** With its local `$ref`s followed. @param {any} schema @param {any} root */
export function resolved(schema, root) {
  let at = schema ?? {};
  for (let depth = 0; typeof at.$ref === "string" && depth < 8; depth += 1) {
    const { $ref, ...beside } = at;
    const steps = $ref.replace(/^#\/?/, "").split("/").filter(Boolean);
    const target = steps.reduce(
      (/** @type {any} */ found, /** @type {string} */ step) =>
        found?.[step.replaceAll("~1", "/").replaceAll("~0", "~")],
      $ref.startsWith("#") ? root : undefined,
    );
    at = { ...target, ...beside };
  }
  return at;
}

/** @param {any} schema @returns {string} the type, `null` beside it left aside */
export function typeOf({ type }) {
  const types = [type].flat().filter((each) => each && each !== "null");
  return types.length === 1 ? types[0] : "";
}

/** @param {any} schema @returns {Choice[] | null} where there are only these */
export function choicesOf({ enum: values, oneOf }) {
  if (Array.isArray(values)) {
    return values.map((value) => ({ value, label: value === null ? "None" : String(value) }));
  }
  if (Array.isArray(oneOf) && oneOf.length > 0 && oneOf.every((each) => each && "const" in each)) {
    return oneOf.map((each) => ({ value: each.const, label: each.title ?? String(each.const) }));
  }
  return null;
}

/** "Reply signature" for `replySignature`, unless the schema has a title.
 *  @param {string} name @param {any} [schema] */
export function nameOf(name, schema) {
  if (schema?.title) return String(schema.title);
  const words = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/[_-]+/g, " ")
    .trim()
    .toLowerCase();
  return words ? words[0].toUpperCase() + words.slice(1) : name;
}
