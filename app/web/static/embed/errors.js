/** What did not work. `code` is stable; `reason` is the code of Hearth's answer, if any. */
export class HearthError extends Error {
  /** @param {string} code @param {string} message @param {object} [more] */
  constructor(code, message, more) {
    super(message);
    this.name = "HearthError";
    this.code = code;
    this.reason = "";
    this.status = 0;
    this.requestId = "";
    Object.assign(this, more);
  }
}

/** @param {string} code @param {string} message @param {string} reason @param {object} [more] */
export function failed(code, message, reason, more) {
  return new HearthError(code, message, { reason, ...more });
}
