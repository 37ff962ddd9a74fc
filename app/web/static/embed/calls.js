/** Calls to Hearth, and what their answers say. */

import { failed } from "./errors.js";

/** @typedef {(path: string, init?: RequestInit) => Promise<Response>} Call */

export const TIMEOUT_MS = 30_000;

/** @param {string} url @param {object} body */
export function post(url, body) {
  const headers = { "Content-Type": "application/json", "X-Hearth": "1" };
  return exchange(url, { method: "POST", headers, body: JSON.stringify(body) });
}

/** @param {string} url @param {RequestInit} init @returns {Promise<any>} */
export async function exchange(url, init) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const usual = { credentials: "same-origin", cache: "no-store", redirect: "error", signal };
  const asked = fetch(url, /** @type {RequestInit} */ ({ ...usual, ...init }));
  return (await settled(asked, "sign_in_failed")).answer;
}

/** @param {Promise<Response>} asked @param {string} code where it fails */
export async function settled(asked, code) {
  const response = await asked.catch(() => {
    throw failed(code, "Hearth cannot be reached, or not from this origin.", "unreachable");
  });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return { answer, response };
  const { detail, code: reason, ...more } = (isProblem(response) && answer) || {};
  throw failed(
    code,
    detail || "Hearth gave an answer that cannot be read.",
    reason || "unreadable_answer",
    { ...more, status: response.status, requestId: response.headers.get("X-Request-Id") ?? "" },
  );
}

/** Whether Hearth refused, and not Infobip. @param {Response} response */
function isProblem({ headers }) {
  return (headers.get("Content-Type") ?? "").startsWith("application/problem+json");
}
