/**
 * The connection's state: a word, a ring that empties and fills again with each renewal, and how
 * long ago that was. Asked for every few seconds, counted every second.
 */

import { byId, setText } from "./dom.js";
import { serverNow } from "./session.js";

/** @typedef {import("../../embed.js").Connection} Connection */

const WORDS = {
  active: "Alive",
  lost: "Lost",
  disconnected: "Switched off",
  unknown: "Cannot be checked right now",
};

/** @type {Connection | null} */
let connection = null;
let unknownNow = false;
/** @type {ReturnType<typeof setInterval> | undefined} */
let ticking;

/** @param {Connection | "unknown" | null} next null when nobody is signed in */
export function showConnection(next) {
  unknownNow = next === "unknown";
  if (next !== "unknown") connection = next;
  if (!connection) {
    clearInterval(ticking);
    ticking = undefined;
    delete byId("connection-status").dataset.status;
    setText("connection-status", "");
    return;
  }

  const status = unknownNow ? "unknown" : connection.status;
  const label = byId("connection-status");
  label.dataset.status = status;
  setText("connection-status", WORDS[status] ?? status);
  byId("connection").dataset.status = status;
  setText("connection-id", connection.id);
  tick();
  ticking ??= setInterval(() => document.hidden || tick(), 1_000);
}

function tick() {
  if (!connection) return;
  const now = serverNow();
  const renewed = Date.parse(connection.renewedAt ?? "");
  const expires = Date.parse(connection.expiresAt ?? "");
  const alive = connection.status === "active";

  setTime("renewed-at", renewed, Number.isFinite(renewed) ? ago(now - renewed) : "not yet");

  const left = expires - now;
  const due = !(left > 0);
  if (!Number.isFinite(expires)) {
    setText("expires-label", "does not expire");
    setTime("expires-at", expires, "");
  } else if (!alive) {
    setText("expires-label", due ? "ended" : "ends in");
    setTime("expires-at", expires, due ? ago(-left) : span(left));
  } else {
    // Past its end and still active: the renewal is done or under way, and not yet written down.
    const since = unknownNow ? "not known since" : "being renewed";
    setText("expires-label", due ? since : "good for");
    setTime("expires-at", expires, due ? "" : span(left));
  }

  const life = expires - renewed;
  const share = !alive || due || unknownNow ? 0 : life > 0 ? Math.min(left / life, 1) : 1;
  byId("ring-left").setAttribute("stroke-dasharray", `${(share * 100).toFixed(1)} 100`);
  const countable = share > 0 && left < 99_500; // two digits fit the ring
  setText("ring-seconds", countable ? String(Math.round(left / 1_000)) : "");
}

/**
 * @param {string} id
 * @param {number} when
 * @param {string} text
 */
function setTime(id, when, text) {
  const time = byId(id);
  setText(id, text);
  if (!Number.isFinite(when)) {
    time.removeAttribute("datetime");
    time.removeAttribute("title");
    return;
  }
  const iso = new Date(when).toISOString();
  if (time.dateTime === iso) return;
  time.dateTime = iso;
  time.title = new Date(when).toLocaleString();
}

/** @param {number} ms */
function ago(ms) {
  return ms < 1_500 ? "just now" : `${span(ms)} ago`;
}

/** "12 s", "3 min", "2 h", "5 d". @param {number} ms */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 100) return `${s} s`;
  const min = Math.round(s / 60);
  if (min < 100) return `${min} min`;
  const h = Math.round(min / 60);
  return h < 48 ? `${h} h` : `${Math.round(h / 24)} d`;
}
