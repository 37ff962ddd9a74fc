/** The account's settings. */

import { settled, TIMEOUT_MS } from "./calls.js";

/** @typedef {import("./calls.js").Call} Call */
/** @typedef {ReturnType<typeof import("./events.js").follow>} Events */

/** @param {Call} call @param {Events} events */
export function keepSettings(call, events) {
  let version = "";
  /** @type {Promise<any>} */
  let saving = Promise.resolve();

  /** @param {RequestInit} [init] */
  async function ask(init) {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const asked = call("/api/settings", { cache: "no-store", signal, ...init });
    const { answer, response } = await settled(asked, "settings_failed");
    return { settings: answer, etag: response.headers.get("ETag") ?? "" };
  }

  /** @param {Promise<{settings: any, etag: string}>} asked */
  async function take(asked) {
    const { settings, etag } = await asked;
    version = etag;
    return settings;
  }

  /** @param {any} settings @param {string} etag */
  async function put(settings, etag) {
    const headers = { "Content-Type": "application/json", "If-Match": etag };
    try {
      return await ask({ method: "PUT", headers, body: JSON.stringify(settings) });
    } catch (/** @type {any} */ error) {
      if (error.status !== 412) throw error;
      throw Object.assign(error, { code: "settings_conflict", current: await ask() });
    }
  }

  return {
    load: () => take(ask()),
    /** @param {any} settings @param {{etag?: string}} [over] */
    async save(settings, over) {
      const etag = (over?.etag ?? version) || (await ask()).etag;
      saving = take(put(settings, etag));
      return saving;
    },
    /** @param {() => void} listener */
    onChange: (listener) =>
      events.on("settings", async ({ etag }) => {
        await saving.catch(() => {});
        if (version && etag !== version) listener();
      }),
  };
}
