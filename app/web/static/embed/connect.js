/** What a front end has in hand once it is signed in. */

import { follow } from "./events.js";
import { keepSettings } from "./settings.js";
import { findSession, signIn, whereabouts } from "./sign-in.js";

/** @type {Promise<any> | undefined} */
let connected;

/**
 * Signs in where needed, which leaves the page and comes back to it. However often it is called,
 * a document connects once, unless that failed. Throws HearthError.
 *
 * @param {import("./sign-in.js").Options} [options]
 */
export function connect(options = {}) {
  connected ??= connectOnce(options).catch((error) => {
    connected = undefined;
    throw error;
  });
  return connected;
}

/** @param {import("./sign-in.js").Options} options */
async function connectOnce(options) {
  const here = whereabouts(options);
  const { session, token } = await findSession(here).catch((error) => {
    throw Object.assign(error, { newTabUrl: here.entry });
  });

  /** @param {string} path @param {RequestInit} [init] */
  function call(path, init = {}) {
    const headers = new Headers(init.headers);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    else headers.set("X-Hearth", "1");
    const credentials = token ? "omit" : "same-origin";
    return fetch(here.base + path, { ...init, headers, credentials });
  }

  const events = follow(call, session.connection);
  return {
    session,
    params: Object.fromEntries(here.params),
    settings: keepSettings(call, events),
    /** @param {(status: any) => void} listener */
    onStatus: (listener) => events.on("status", listener),
    /** @param {string} path @param {RequestInit} [init] */
    infobip: (path, init) => call(`/api/infobip/${path.replace(/^\/+/, "")}`, init),
    /** @param {string} path @param {RequestInit} [init] */
    fetch: (path, init) => call(`/${path.replace(/^\/+/, "")}`, init),
    reconnect: () => signIn(here),
  };
}
