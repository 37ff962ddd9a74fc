/** How this page was come to: what its address and the frame's storage said. */

import { takeHandover } from "./flow.js";
import { readFragment } from "./fragment.js";

/** @type {ReturnType<typeof readArrival> | undefined} */
let taken; // once, however often connecting is tried

/** What the address said, which then says it no longer. */
export function takeArrival() {
  taken ??= readArrival();
  return taken;
}

function readArrival() {
  const arrived = readFragment(location.hash);
  const url = new URL(location.href);
  const given = url.searchParams.get("state");
  // It stands for a user of Infobip's, so in a window of its own it may be somebody else's.
  const state = window.top === window ? undefined : given || undefined;
  if (given !== null) url.searchParams.delete("state");
  if (arrived.ours) url.hash = "";
  if (arrived.params) url.search = String(arrived.params); // two cards may have been confused
  if (given !== null || arrived.ours) history.replaceState(history.state, "", url);
  const params = arrived.params ?? url.searchParams;
  return { arrived, state, params, handover: takeHandover(arrived.flow) };
}

/** The entry leads back by a navigation; a page that has lost its session is reloaded. */
export function wasReloaded() {
  const [load] = performance.getEntriesByType("navigation");
  return load !== undefined && /** @type {any} */ (load).type !== "navigate";
}
