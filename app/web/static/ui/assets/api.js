/**
 * Calls to Hearth, and through its gateway to Infobip, with every way to fail brought into one
 * shape. A failure never resolves: callers get the data or an `ApiError`.
 */

import { connect } from "../../embed.js";

const TIMEOUT_MS = 45_000; // longer than the gateway's own, so that its answer comes first

/**
 * @typedef {object} Failure
 * @property {"hearth" | "infobip" | "network"} source who said it
 * @property {number} status HTTP status; 0 when there was no answer
 * @property {string} code stable and machine-readable
 * @property {string} title
 * @property {string} [detail]
 * @property {string} [action] what Infobip proposes to do about it
 * @property {string[]} [violations] what is wrong with which field
 * @property {number} [retryAfter] seconds
 * @property {string} [requestId]
 */

export class ApiError extends Error {
  /** @param {Failure} failure */
  constructor(failure) {
    super(failure.title);
    this.name = "ApiError";
    this.source = failure.source;
    this.status = failure.status;
    this.code = failure.code;
    this.title = failure.title;
    this.detail = failure.detail ?? "";
    this.action = failure.action ?? "";
    this.violations = failure.violations ?? [];
    this.retryAfter = failure.retryAfter ?? null;
    this.requestId = failure.requestId ?? "";
  }
}

/**
 * @typedef {RequestInit & {json?: unknown, timeoutMs?: number}} ApiInit
 */

/**
 * @param {string} path such as `/api/session` or `/api/infobip/account/1/balance`
 * @param {ApiInit} [init] `json` is sent as a JSON body
 * @returns {Promise<any>} the parsed body; null when there is none
 */
export async function api(path, init) {
  return (await exchange(path, init)).data;
}

/**
 * Like `api`, with the response beside the data.
 *
 * @param {string} path
 * @param {ApiInit} [init]
 * @returns {Promise<{data: any, response: Response}>}
 */
export async function exchange(path, { json, timeoutMs = TIMEOUT_MS, ...init } = {}) {
  const hearth = await connect().catch((error) => {
    throw notConnected(error);
  });
  const headers = new Headers(init.headers);
  if (!headers.has("Accept")) headers.set("Accept", "application/json");
  if (json !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = JSON.stringify(json);
  }

  let response;
  let text;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    response = await hearth.fetch(path, { cache: "no-store", redirect: "error", ...init, headers, signal });
    text = await response.text();
  } catch {
    throw nothingCame(signal.aborted ? "no_answer" : "no_connection");
  }

  const body = parsed(text);
  if (!response.ok) throw failed(response, body, text);
  if (body === undefined && text.trim() !== "") {
    throw new ApiError({
      source: sourceOf(path),
      status: response.status,
      code: "unreadable_answer",
      title: "The answer could not be read",
    });
  }
  return { data: body ?? null, response };
}

/** @param {"no_answer" | "no_connection"} code */
function nothingCame(code) {
  const title = code === "no_answer" ? "No answer in time" : "The server cannot be reached";
  return new ApiError({ source: "network", status: 0, code, title });
}

/** @param {any} error of `connect` @returns {ApiError} "not_signed_in" unless it may pass */
function notConnected({ code, reason, status, message, requestId }) {
  if (reason === "unreachable") return nothingCame("no_connection");
  const passing = code === "sign_in_failed" && (status === 429 || status >= 500);
  return new ApiError({
    source: "hearth",
    status,
    code: passing ? reason : "not_signed_in",
    title: "Signing in did not work",
    detail: message,
    requestId,
  });
}

/** @param {string} path */
function sourceOf(path) {
  return path.startsWith("/api/infobip/") ? "infobip" : "hearth";
}

/** @param {string} text @returns {any} undefined when it is not JSON */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {unknown} value */
const word = (value) =>
  typeof value === "string" || typeof value === "number" ? String(value).trim() : "";

/**
 * @param {Response} response
 * @param {any} body
 * @param {string} text
 */
function failed(response, body, text) {
  const type = (response.headers.get("Content-Type") ?? "").toLowerCase();
  const status = response.status;
  const after = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const retryAfter = Number.isFinite(after) && after >= 0 ? after : undefined;

  if (type.startsWith("application/problem+json") && body && typeof body === "object") {
    return new ApiError({
      source: "hearth",
      status,
      code: word(body.code) || "error",
      title: word(body.title) || "Something went wrong",
      detail: word(body.detail),
      retryAfter,
      requestId: word(body.requestId) || word(response.headers.get("X-Request-Id")),
    });
  }

  // Infobip's older shape.
  const exception = body?.requestError?.serviceException ?? body?.requestError?.policyException;
  if (exception && typeof exception === "object") {
    return new ApiError({
      source: "infobip",
      status,
      code: word(exception.messageId) || "error",
      title: "Infobip refused",
      detail: word(exception.text),
      violations: validationErrors(exception.validationErrors),
      retryAfter,
    });
  }

  // Infobip's newer shape.
  if (body && typeof body === "object" && (body.errorCode || body.description)) {
    return new ApiError({
      source: "infobip",
      status,
      code: word(body.errorCode) || "error",
      title: "Infobip refused",
      detail: word(body.description),
      action: word(body.action),
      violations: (Array.isArray(body.violations) ? body.violations : [])
        .map((/** @type {any} */ item) =>
          [word(item?.property), word(item?.violation) || word(item)].filter(Boolean).join(": "),
        )
        .filter(Boolean),
      retryAfter,
    });
  }

  // Neither ours nor theirs: a proxy's page, plain text, nothing. Short plain text may help a
  // person; markup never does.
  const plain = type.startsWith("text/plain") && text.length <= 300 ? text.trim() : "";
  return new ApiError({
    source: sourceOf(new URL(response.url).pathname),
    status,
    code: "unreadable_answer",
    title: "The answer could not be read",
    detail: plain,
    retryAfter,
  });
}

/** @param {unknown} errors such as `{"messages[0].to": ["must not be empty"]}` */
function validationErrors(errors) {
  if (!errors || typeof errors !== "object") return [];
  return Object.entries(errors).flatMap(([field, list]) =>
    (Array.isArray(list) ? list : [list])
      .map(word)
      .filter(Boolean)
      .map((text) => `${field}: ${text}`),
  );
}
