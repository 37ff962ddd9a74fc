/** The flow whose proof this page keeps itself: PKCE, in the frame's storage. */

import { post } from "./calls.js";

const FLOW_MS = 10 * 60_000; // as long as Hearth waits for the answer
const KEPT = "hearth.flow.";
const HANDED_OVER = "hearth.handover.";

/**
 * @typedef {object} Begin
 * @property {string} [hearth] base URL
 * @property {string} surface
 * @property {string} [state] Infobip's, where it gave one
 * @property {[string, string][]} params
 * @property {string} [frontEnd] the page that completes the flow, where that is not Hearth's own
 */

/** Leaves for Authorize. The proof stays behind, with this page. @param {Begin} begin */
export async function beginInPage({ hearth = "", surface, state, params, frontEnd }) {
  const verifier = newVerifier();
  const codeChallenge = await challengeOf(verifier);
  const begun = await post(`${hearth}/oauth/begin`, {
    surface,
    state,
    params,
    codeChallenge,
    frontEnd,
  });
  const sent = new URL(begun.authorizeUrl).searchParams.get("state");
  const kept = { verifier, state: sent, frontEnd, at: Date.now() };
  sessionStorage.setItem(KEPT + begun.flow, JSON.stringify(kept));
  location.replace(begun.authorizeUrl);
}

/** 43 characters of base64url: 256 bits. */
export function newVerifier() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** The S256 challenge of RFC 7636. @param {string} verifier */
export async function challengeOf(verifier) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Whether this page can keep a proof: Chromium throws where it blocks third-party cookies. */
export function storageWorks() {
  try {
    const key = `${KEPT}test`;
    sessionStorage.setItem(key, "1");
    const kept = sessionStorage.getItem(key) === "1";
    sessionStorage.removeItem(key);
    return kept && crypto.subtle !== undefined;
  } catch {
    return false;
  }
}

/** @typedef {{flow: string, verifier: string, state: string, frontEnd?: string, at: number}} Kept */

/**
 * The flow that this page began. Two cards with one `state` share a storage, so the fragment's
 * flow decides; only where a page on the way lost the fragment, the newest of that state does.
 *
 * @param {string} flow @param {string} state @returns {Kept | undefined}
 */
export function findFlow(flow, state) {
  const ofState = keptFlows().filter((kept) => kept.state === state);
  return flow ? ofState.find((kept) => kept.flow === flow) : ofState.pop();
}

/** @param {string} flow */
export function forgetFlow(flow) {
  sessionStorage.removeItem(KEPT + flow);
}

/** For this frame's next document. It is in no address, where anybody might write one of theirs.
 *  @param {string} flow @param {string} code */
export function keepHandover(flow, code) {
  sessionStorage.setItem(HANDED_OVER + flow, code);
}

/** The code of this flow, once. @param {string} flow */
export function takeHandover(flow) {
  try {
    const code = flow && sessionStorage.getItem(HANDED_OVER + flow);
    sessionStorage.removeItem(HANDED_OVER + flow);
    return code || "";
  } catch {
    return "";
  }
}

/** Oldest first; what is too old to be answered goes. @returns {Kept[]} */
export function keptFlows() {
  try {
    const flows = Object.keys(sessionStorage)
      .filter((key) => key.startsWith(KEPT))
      .map((key) => ({
        ...JSON.parse(sessionStorage.getItem(key) ?? ""),
        flow: key.slice(KEPT.length),
      }));
    const old = flows.filter((kept) => Date.now() - kept.at > FLOW_MS);
    for (const kept of old) forgetFlow(kept.flow);
    return flows.filter((kept) => !old.includes(kept)).sort((a, b) => a.at - b.at);
  } catch {
    return []; // blocked, or written by somebody else
  }
}
