/**
 * The query parameters that this very frame was opened with, and what else came along.
 *
 * Two cards can be opened at the same moment with the same `state`. The server then cannot
 * tell which of its two answers belongs to which frame, so what it puts into `location.search`
 * may be the other card's conversation. A URL fragment, however, never leaves the browser and
 * is carried over every redirect of a chain inside the frame where the chain began. So the entry
 * route also writes the parameters into the fragment, `#hearth=<encoded query string>&…`, and
 * when it is there it is exact and wins. Where the browser keeps no cookies, the fragment brings a
 * code as well, which is good once, for a session in this page's memory.
 *
 * After reading, the URL is rewritten without the fragment: a reload, a copied address and
 * "Connect again" then all carry the right parameters.
 */

import { readFragment, takeHandover } from "/embed.js";

/**
 * @typedef {object} FrameParams
 * @property {URLSearchParams} params without `state`, which belongs to the sign-in alone
 * @property {string} query the same as text, without a leading `?`
 * @property {boolean} exact false when the URL said nothing and the session has to be asked
 * @property {string} handover the code, or nothing
 */

/** @returns {FrameParams} */
export function takeParams() {
  const { params: carried, flow } = readFragment(location.hash);
  const handover = takeHandover(flow);
  const params = carried ?? new URLSearchParams(location.search);
  params.delete("state");
  const query = params.toString();

  const clean = location.pathname + (query ? `?${query}` : "");
  if (clean !== location.pathname + location.search + location.hash) {
    history.replaceState(history.state, "", clean);
  }
  return { params, query, exact: carried !== null || query !== "", handover };
}
