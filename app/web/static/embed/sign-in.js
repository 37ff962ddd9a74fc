/** From a page that was just loaded to a session, over Authorize where there is none. */

import { takeArrival, wasReloaded } from "./arrival.js";
import { exchange, post } from "./calls.js";
import { failed, HearthError } from "./errors.js";
import { beginInPage, findFlow, forgetFlow, keptFlows, storageWorks } from "./flow.js";

const LOOP_MS = 10_000; // who is back sooner than this, without an answer, would go on for ever

/**
 * @typedef {object} Options
 * @property {string} [hearth] base URL
 * @property {"context-card" | "settings"} [surface]
 * @property {"auto" | "page"} [flow]
 */

/** @typedef {ReturnType<typeof whereabouts>} Whereabouts */

/** Where this page is, seen from Hearth, and which ways there are. @param {Options} options */
export function whereabouts({ hearth = new URL(import.meta.url).origin, surface, flow = "auto" }) {
  const base = hearth.replace(/\/+$/, "");
  const own = new URL(base).origin === location.origin;
  const cookies = own && flow !== "page";
  const page = surface ?? (own && isPage("settings") ? "settings" : "context-card");
  const arrival = takeArrival();
  const query = new URLSearchParams(location.search);
  return {
    arrival,
    base,
    cookies,
    entry: withQuery(`${base}/${page}`, arrival.params),
    frontEnd: withQuery(location.origin + location.pathname, query),
    own,
    page,
    params: arrival.params,
    throughEntry: cookies && isPage(page),
  };
}

/** @param {Whereabouts} here @returns {Promise<{session: any, token?: string}>} */
export async function findSession(here) {
  const { arrival, base, cookies } = here;
  const { arrived, state } = arrival;
  if (arrived.code && !arrival.handover) arrival.handover = await completeInPage(base, arrived);
  if (arrival.handover) return post(`${base}/api/session`, { handoverCode: arrival.handover });
  if (cookies && !state) {
    // With a `state` this is a load of Infobip's, and somebody else may sit here by now.
    const session = await cookieSession(base);
    if (session) return { session };
  }
  if (wasTried(here)) throw new HearthError("not_signed_in", "There is no session.");
  return signIn(here, state);
}

/**
 * Leaves the page; the promise settles only where that cannot be.
 *
 * @param {Whereabouts} here @param {string} [state] @returns {Promise<never>}
 */
export async function signIn({ base, entry, frontEnd, own, page, params, throughEntry }, state) {
  if (throughEntry) {
    location.replace(entry); // leads back here, in every browser
  } else if (!own && window.top === window) {
    // Hearth sends codes to other origins inside frames only, where nobody can have it lead them
    // through an address of their own.
    const why = "On its own, this page cannot sign in. Open it inside Infobip.";
    throw new HearthError("not_signed_in", why);
  } else if (storageWorks()) {
    await beginInPage({ hearth: base, surface: page, state, params: [...params], frontEnd });
  } else {
    const why = "The browser keeps nothing for this page; in a tab of its own it may.";
    throw new HearthError("storage_blocked", why);
  }
  return new Promise(() => {});
}

/** Whether this page has left for Authorize and is back without an answer.
 *  @param {Whereabouts} here */
function wasTried({ arrival: { arrived, state }, frontEnd, throughEntry }) {
  if (throughEntry) return arrived.ours || !wasReloaded();
  return arrived.tried || (!state && wasHereJustNow(frontEnd));
}

/** @param {string} frontEnd */
function wasHereJustNow(frontEnd) {
  return keptFlows().some((kept) => kept.frontEnd === frontEnd && Date.now() - kept.at < LOOP_MS);
}

/**
 * @param {string} base @param {import("./fragment.js").Fragment} arrived
 * @returns {Promise<string>} the hand-over code
 */
async function completeInPage(base, { flow, code, state }) {
  const kept = findFlow(flow, state);
  if (!kept) {
    const why = "This page did not begin the sign-in that it was sent.";
    throw failed("sign_in_failed", why, "wrong_browser");
  }
  forgetFlow(kept.flow);
  // Of two pages with one `state`, the callback may have taken the other one's address.
  if (kept.frontEnd?.split("?")[0] === location.href.split("?")[0]) {
    history.replaceState(history.state, "", kept.frontEnd);
  }
  const proof = { code, state, codeVerifier: kept.verifier };
  return (await post(`${base}/oauth/complete`, proof)).handoverCode;
}

/** @param {string} base @returns {Promise<any>} null when nobody is signed in */
async function cookieSession(base) {
  try {
    return await exchange(`${base}/api/session`, { headers: { "X-Hearth": "1" } });
  } catch (error) {
    if (/** @type {import("./errors.js").HearthError} */ (error).reason === "not_signed_in") {
      return null;
    }
    throw error;
  }
}

/** @param {string} page of Hearth's, with all that a front end has below it */
function isPage(page) {
  return `${location.pathname}/`.startsWith(`/ui/${page}/`);
}

/** @param {string} address @param {URLSearchParams} query */
function withQuery(address, query) {
  return String(query) ? `${address}?${query}` : address;
}
