/** The fragment, which browsers carry over redirects and send to nobody. */

/**
 * @typedef {object} Fragment
 * @property {boolean} ours whether there is anything of Hearth's
 * @property {URLSearchParams | null} params those that this very frame was opened with
 * @property {string} flow
 * @property {boolean} tried whether the flow in the page was the way here
 * @property {string} code
 * @property {string} state
 */

/** @param {string} hash @returns {Fragment} */
export function readFragment(hash) {
  const fields = new URLSearchParams(hash.slice(1));
  const field = (/** @type {string} */ name) => fields.get(`hearth_${name}`) ?? "";
  const query = fields.get("hearth");
  return {
    ours: [...fields.keys()].some((name) => /^hearth(_|$)/.test(name)),
    params: query === null ? null : new URLSearchParams(query),
    flow: field("flow"),
    tried: field("try") !== "",
    code: field("code"),
    state: field("state"),
  };
}

/**
 * @param {URLSearchParams | null} params
 * @param {Partial<Record<"flow" | "code" | "state" | "try", string>>} fields
 */
export function writeFragment(params, fields) {
  const written = new URLSearchParams();
  if (params) written.set("hearth", String(params));
  for (const [name, value] of Object.entries(fields)) {
    if (value) written.set(`hearth_${name}`, value);
  }
  return `#${written}`;
}
