/** What Hearth tells by itself. */

/** @typedef {import("./calls.js").Call} Call */

const SILENCE_MS = 60_000; // a stream of events beats more often

/**
 * A stream of events, open while somebody listens and the page can be seen. Where it breaks off it
 * is opened again, after a pause that grows.
 *
 * @param {Call} call @param {any} connection as the session began
 */
export function follow(call, { status, reason }) {
  /** @type {Record<string, Set<(said: any) => void>>} */
  const listeners = { status: new Set(), settings: new Set() };
  let now = { status, reason };
  let stream = new AbortController();
  let failures = 0;
  let retry = 1_000; // unless Hearth says otherwise, to each page something else
  let running = false;
  let wake = () => {};

  const wanted = () => listeners.status.size + listeners.settings.size > 0;

  /** @param {string} event @param {any} said */
  function tell(event, said) {
    if (event === "status") {
      if (said.status === now.status && said.reason === now.reason) return;
      now = said;
    }
    for (const listener of listeners[event] ?? []) queueMicrotask(() => listener(said));
  }

  async function run() {
    if (running) return;
    running = true;
    while (wanted()) {
      const signedIn = document.hidden || (await read());
      if (!signedIn) tell("status", { status: "signed_out", reason: null });
      else if (failures > 1) tell("status", { status: "unknown", reason: null });
      const growing = Math.min(500 * 2 ** failures, 30_000) * (0.8 + 0.4 * Math.random());
      const pause = failures ? growing : retry;
      await new Promise((/** @type {(_?: any) => void} */ resolve) => {
        wake = resolve;
        if (signedIn && !document.hidden && wanted()) setTimeout(resolve, pause);
        else if (!wanted()) resolve();
      });
    }
    running = false;
  }

  /** Until it ends, however that is. @returns {Promise<boolean>} whether somebody is signed in */
  async function read() {
    /** @type {any} */
    let silence;
    stream = new AbortController();
    const { signal } = stream;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => stream.abort(), SILENCE_MS);
    };
    failures += 1;
    try {
      alive();
      const response = await call("/api/events", { cache: "no-store", signal });
      if (response.status === 401) return false;
      const reader = response.ok && response.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; reader; ) {
        const { value, done } = await reader.read();
        if (done) break;
        alive();
        failures = 0;
        const events = (text + value).split(/\r?\n\r?\n/);
        text = events.pop() ?? "";
        for (const event of events) {
          const field = (/** @type {string} */ name) => event.match(`(?:^|\n)${name}: ?(.*)`)?.[1];
          const data = field("data");
          retry = Number(field("retry")) || retry;
          if (data) tell(field("event") ?? "", JSON.parse(data));
        }
      }
    } catch {
      // broken off
    } finally {
      clearTimeout(silence);
    }
    return true;
  }

  function again() {
    failures = 0;
    stream.abort();
    wake();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? stream.abort() : again()));
  addEventListener("online", again);

  return {
    /** @param {"status" | "settings"} event @param {(said: any) => void} listener */
    on(event, listener) {
      listeners[event].add(listener);
      if (event === "status") listener(now);
      void run();
      return () => {
        listeners[event].delete(listener);
        if (!wanted()) again(); // which ends it
      };
    },
  };
}
