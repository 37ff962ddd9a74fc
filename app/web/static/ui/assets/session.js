/**
 * Keeps the page's picture of its session true: asks again every few seconds while somebody can
 * see the page, and when Hearth tells of a change; waits longer after each failure, and asks
 * nothing while it is hidden.
 */

import { connect } from "../../embed.js";
import { ApiError, exchange } from "./api.js";

const USUAL_MS = 5_000;
const SHORTEST_MS = 1_000;
const LONGEST_MS = 60_000;
const TIMEOUT_MS = 10_000;

/** @typedef {import("../../embed.js").Session} Session */

/** What the server's clock is ahead of ours; people's clocks are wrong by minutes. */
let clockOffsetMs = 0;

/** The present on the server's clock, in which all times of the API are. */
export function serverNow() {
  return Date.now() + clockOffsetMs;
}

/**
 * @param {{
 *   known: (session: Session) => void,
 *   signedOut: () => void,
 *   trouble: (error: unknown) => void,
 * }} listener exactly one is called after each attempt
 */
export function watchSession(listener) {
  let failures = 0;
  let pauseMs = USUAL_MS;
  let stopped = false;
  let newest = 0;
  let status = "";
  let told = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function check() {
    clearTimeout(timer);
    const turn = ++newest;
    let report;
    try {
      const session = await load();
      failures = 0;
      status = session.connection.status;
      pauseMs = pauseFor(session.connection);
      report = () => listener.known(session);
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_signed_in") {
        pauseMs = Number.POSITIVE_INFINITY; // until somebody comes back to the page
        status = "signed_out";
        report = () => listener.signedOut();
      } else {
        failures += 1;
        const backOff = Math.min(USUAL_MS * 2 ** (failures - 1), LONGEST_MS);
        pauseMs = backOff * (0.8 + 0.4 * Math.random());
        report = () => listener.trouble(error);
      }
    }
    if (stopped || turn !== newest) return; // a later question has been asked meanwhile
    report();
    schedule();
    if (status && status !== "signed_out" && !told) {
      told = true;
      const hearth = await connect();
      hearth.onStatus((/** @type {any} */ now) => now.status !== status && void check());
    }
  }

  function schedule() {
    clearTimeout(timer);
    if (stopped || document.hidden || !Number.isFinite(pauseMs)) return;
    timer = setTimeout(check, pauseMs);
  }

  const seen = () => (document.hidden ? clearTimeout(timer) : !stopped && void check());
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", seen);
  addEventListener("pageshow", (event) => event.persisted && seen());

  void check();
  return {
    check,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** @returns {Promise<Session>} */
async function load() {
  const asked = Date.now();
  const { data, response } = await exchange("/api/session", { timeoutMs: TIMEOUT_MS });
  if (!data || typeof data !== "object" || !data.connection) {
    throw new ApiError({
      source: "hearth",
      status: response.status,
      code: "unreadable_answer",
      title: "The answer could not be read",
    });
  }
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isFinite(date)) {
    // The header is cut to whole seconds, so small differences mean nothing.
    const offset = date + 500 - (asked + Date.now()) / 2;
    clockOffsetMs = Math.abs(offset) > 1_500 ? offset : 0;
  }
  return data;
}

/** A dozen looks per token life, so that a short-lived one is not seen too late.
 *  @param {Session["connection"]} connection */
function pauseFor({ renewedAt, expiresAt }) {
  const life = Date.parse(expiresAt ?? "") - Date.parse(renewedAt ?? "");
  if (!(life > 0)) return USUAL_MS;
  return Math.min(Math.max(life / 12, SHORTEST_MS), USUAL_MS);
}
