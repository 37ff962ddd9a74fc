/**
 * Signs an embedded front end in at Hearth and calls Infobip for it:
 *
 *   import { connect } from "https://hearth.example/embed.js";
 *   const hearth = await connect();
 *   const answer = await hearth.infobip("/account/1/balance");
 *
 * It works on Hearth's own origin and on those of CORS_ORIGINS, with a session cookie or with a
 * bearer token, which stays in this module's memory. Hearth's own pages are built on it as well;
 * what only they need is exported below and may change. Types and words are in embed.d.ts.
 */

const FLOW_MS = 10 * 60_000; // as long as Hearth waits for the answer
const LOOP_MS = 10_000; // who is back sooner than this, without an answer, would go on for ever
const TIMEOUT_MS = 30_000;
const SILENCE_MS = 60_000; // a stream of events beats more often
const KEPT = "hearth.flow.";
const HANDED_OVER = "hearth.handover.";

/** What did not work. `code` is stable; `reason` is the code of Hearth's answer, if any. */
export class HearthError extends Error {
  /** @param {string} code @param {string} message @param {object} [more] */
  constructor(code, message, more) {
    super(message);
    this.name = "HearthError";
    this.code = code;
    this.reason = "";
    this.status = 0;
    this.requestId = "";
    Object.assign(this, more);
  }
}

// --- connecting

/**
 * @typedef {object} Options
 * @property {string} [hearth] base URL
 * @property {"context-card" | "settings"} [surface]
 * @property {"auto" | "page"} [flow]
 */

/** @type {Promise<any> | undefined} */
let connected;

/** @type {ReturnType<typeof takeArrival> | undefined} */
let taken; // once, however often connecting is tried

/**
 * Signs in where needed, which leaves the page and comes back to it. However often it is called,
 * a document connects once, unless that failed. Throws HearthError.
 *
 * @param {Options} [options]
 */
export function connect(options = {}) {
  connected ??= connectOnce(options).catch((error) => {
    connected = undefined;
    throw error;
  });
  return connected;
}

/** @param {Options} options */
async function connectOnce({ hearth = new URL(import.meta.url).origin, surface, flow = "auto" }) {
  const base = hearth.replace(/\/+$/, "");
  const own = new URL(base).origin === location.origin;
  const cookies = own && flow !== "page";
  const page = surface ?? (own && isPage("settings") ? "settings" : "context-card");
  const arrival = (taken ??= takeArrival());
  const { arrived, params, state } = arrival;
  const entry = withQuery(`${base}/${page}`, params);
  const query = new URLSearchParams(location.search);
  const frontEnd = withQuery(location.origin + location.pathname, query);
  const throughEntry = cookies && isPage(page);

  /** @returns {Promise<{session: any, token?: string}>} */
  async function findSession() {
    if (arrived.code && !arrival.handover) arrival.handover = await completeInPage(base, arrived);
    if (arrival.handover) return post(`${base}/api/session`, { handoverCode: arrival.handover });
    if (cookies && !state) {
      // With a `state` this is a load of Infobip's, and somebody else may sit here by now.
      const session = await cookieSession(base);
      if (session) return { session };
    }
    const tried = throughEntry
      ? arrived.ours || !wasReloaded()
      : arrived.tried || (!state && wasHereJustNow(frontEnd));
    if (tried) {
      throw new HearthError("not_signed_in", "There is no session.");
    }
    return signIn(state);
  }

  /** Leaves the page; the promise settles only where that cannot be. @param {string} [state] */
  async function signIn(state) {
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
    return /** @type {Promise<never>} */ (new Promise(() => {}));
  }

  const { session, token } = await findSession().catch((error) => {
    throw Object.assign(error, { newTabUrl: entry });
  });

  /** @param {string} path @param {RequestInit} [init] */
  function call(path, init = {}) {
    const headers = new Headers(init.headers);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    else headers.set("X-Hearth", "1");
    return fetch(base + path, { ...init, headers, credentials: token ? "omit" : "same-origin" });
  }

  const events = follow(call, session.connection);
  return {
    session,
    params: Object.fromEntries(params),
    settings: keepSettings(call, events),
    /** @param {(status: any) => void} listener */
    onStatus: (listener) => events.on("status", listener),
    /** @param {string} path @param {RequestInit} [init] */
    infobip: (path, init) => call(`/api/infobip/${path.replace(/^\/+/, "")}`, init),
    /** @param {string} path @param {RequestInit} [init] */
    fetch: (path, init) => call(`/${path.replace(/^\/+/, "")}`, init),
    reconnect: () => signIn(),
  };
}

/** @param {string} page of Hearth's, with all that a front end has below it */
function isPage(page) {
  return `${location.pathname}/`.startsWith(`/ui/${page}/`);
}

/** @param {string} address @param {URLSearchParams} query */
function withQuery(address, query) {
  return String(query) ? `${address}?${query}` : address;
}

/** What the address said, which then says it no longer. */
function takeArrival() {
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

/** @param {string} base @param {Fragment} arrived @returns {Promise<string>} the hand-over code */
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
    if (/** @type {HearthError} */ (error).reason === "not_signed_in") return null;
    throw error;
  }
}

/** The entry leads back by a navigation; a page that has lost its session is reloaded. */
function wasReloaded() {
  const [load] = performance.getEntriesByType("navigation");
  return load !== undefined && /** @type {any} */ (load).type !== "navigate";
}

/** Whether this page has left for Authorize and is back without an answer.
 *  @param {string} frontEnd */
function wasHereJustNow(frontEnd) {
  return keptFlows().some((kept) => kept.frontEnd === frontEnd && Date.now() - kept.at < LOOP_MS);
}

// --- the flow in the page

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
function keptFlows() {
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

// --- the fragment, which browsers carry over redirects and send to nobody

/**
 * @typedef {object} Fragment
 * @property {boolean} ours whether there is anything of Hearth's
 * @property {URLSearchParams | null} params those that this very frame was opened with
 * @property {string} flow
 * @property {boolean} tried whether the flow in the page was the way here
 * @property {string} code
 * @property {string} state
 */

/** @param {string} hash @returns {Fragment} */
export function readFragment(hash) {
  const fields = new URLSearchParams(hash.slice(1));
  const field = (/** @type {string} */ name) => fields.get(`hearth_${name}`) ?? "";
  const query = fields.get("hearth");
  return {
    ours: [...fields.keys()].some((name) => /^hearth(_|$)/.test(name)),
    params: query === null ? null : new URLSearchParams(query),
    flow: field("flow"),
    tried: field("try") !== "",
    code: field("code"),
    state: field("state"),
  };
}

/**
 * @param {URLSearchParams | null} params
 * @param {Partial<Record<"flow" | "code" | "state" | "try", string>>} fields
 */
export function writeFragment(params, fields) {
  const written = new URLSearchParams();
  if (params) written.set("hearth", String(params));
  for (const [name, value] of Object.entries(fields)) {
    if (value) written.set(`hearth_${name}`, value);
  }
  return `#${written}`;
}

// --- what Hearth tells by itself

/** @typedef {(path: string, init?: RequestInit) => Promise<Response>} Call */

/**
 * A stream of events, open while somebody listens and the page can be seen. Where it breaks off it
 * is opened again, after a pause that grows.
 *
 * @param {Call} call @param {any} connection as the session began
 */
function follow(call, { status, reason }) {
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

// --- the account's settings

/** @param {Call} call @param {ReturnType<typeof follow>} events */
function keepSettings(call, events) {
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

// --- calls

/** @param {string} url @param {object} body */
export function post(url, body) {
  const headers = { "Content-Type": "application/json", "X-Hearth": "1" };
  return exchange(url, { method: "POST", headers, body: JSON.stringify(body) });
}

/** @param {string} url @param {RequestInit} init @returns {Promise<any>} */
async function exchange(url, init) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const usual = { credentials: "same-origin", cache: "no-store", redirect: "error", signal };
  const asked = fetch(url, /** @type {RequestInit} */ ({ ...usual, ...init }));
  return (await settled(asked, "sign_in_failed")).answer;
}

/** @param {Promise<Response>} asked @param {string} code where it fails */
async function settled(asked, code) {
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

/** @param {string} code @param {string} message @param {string} reason @param {object} [more] */
function failed(code, message, reason, more) {
  return new HearthError(code, message, { reason, ...more });
}
