/** Which of the app's two places in Infobip's web interface a page stands in. */
export type Surface = "context-card" | "settings";

export interface ConnectOptions {
  /** Base URL of Hearth; where this module came from unless said otherwise. */
  hearth?: string;
  /** "settings" at `/ui/settings` of Hearth, else "context-card". */
  surface?: Surface;
  /**
   * "auto": the cookie's session where there is one (on Hearth's own origin only), else PKCE in
   * this page. "page": PKCE in this page whatever cookies there are.
   */
  flow?: "auto" | "page";
}

/** A role or a group of the user in Infobip. */
export interface Named {
  id: number;
  name: string;
}

/** The connection to Infobip that the session may use. */
export interface Connection {
  id: string;
  status: "active" | "lost" | "disconnected";
  reason: string | null;
  renewedAt: string | null;
  expiresAt: string | null;
}

/** Who is signed in; times are RFC 3339. */
export interface Session {
  accountKey: string | null;
  userKey: string | null;
  username: string | null;
  email: string | null;
  locale: string | null;
  roles: Named[];
  groups: Named[];
  surface: Surface;
  /** As the session began. Of two cards opened at once, `Hearth.params` is exact. */
  params: Record<string, string>;
  connection: Connection;
  expiresAt: string;
  logoutUrl: string;
}

/** What is known of the connection to Infobip, or of the way to it. */
export interface Status {
  /**
   * - "active", "lost", "disconnected": the connection's. "lost" comes back by `reconnect()`.
   * - "signed_out": this page's session is over. `reconnect()` signs in again.
   * - "unknown": Hearth cannot be reached just now; what follows is told as soon as it can be.
   */
  readonly status: "active" | "lost" | "disconnected" | "signed_out" | "unknown";
  readonly reason: string | null;
}

/** A version of the settings, as somebody saved them. */
export interface SavedSettings<T = Record<string, unknown>> {
  readonly settings: T;
  readonly etag: string;
}

/** The app's settings: one JSON document for each account, which all of its users share. */
export interface Settings {
  /** `{}` as long as nobody has saved any. Rejects with HearthError, as `save` does. */
  load<T = Record<string, unknown>>(): Promise<T>;
  /**
   * Saves the whole document, provided that nobody else has saved since it was loaded here; else
   * rejects with `code` "settings_conflict", and `current` is what the other one saved. To save
   * over it all the same, pass `current.etag`.
   */
  save<T = Record<string, unknown>>(settings: T, over?: { etag: string }): Promise<T>;
  /** Calls back when somebody else has saved. Returns the function that ends this. */
  onChange(listener: () => void): () => void;
}

export interface Hearth {
  readonly session: Session;
  /** The query parameters that this very frame was opened with, such as `conversationId`. */
  readonly params: Record<string, string>;
  readonly settings: Settings;
  /**
   * `fetch` through the gateway: a call to Infobip's API with the connection's token. The answer
   * is Infobip's, or Hearth's problem+json with a `code` such as "not_allowed", "connection_lost"
   * or "not_signed_in". Nothing is repeated here; the gateway repeats a call once, after a 401 and
   * where Infobip cannot have acted on it.
   */
  infobip(path: string, init?: RequestInit): Promise<Response>;
  /** `fetch` of a path of Hearth's own API, such as `DELETE /api/session` to sign out. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /**
   * Calls back at once and then with each change, by an event stream that is open while the page
   * can be seen and is opened again where it breaks off. Returns the function that ends this.
   */
  onStatus(listener: (status: Status) => void): () => void;
  /** Leaves the page and signs in anew, with the same parameters. */
  reconnect(): Promise<never>;
}

/** What did not work. */
export class HearthError extends Error {
  /**
   * From `connect`:
   * - "storage_blocked": the browser keeps nothing for this page inside another site. Offer a
   *   link to `newTabUrl` with `target="_blank"`.
   * - "not_signed_in": there is no session, and a sign-in has just been tried; or this page is on
   *   another origin than Hearth and in no frame, where it cannot sign in.
   * - "sign_in_failed": `reason` and the message say why.
   *
   * From `settings`: "settings_conflict", or "settings_failed" with a `reason` and a message.
   */
  readonly code:
    | "storage_blocked"
    | "not_signed_in"
    | "sign_in_failed"
    | "settings_conflict"
    | "settings_failed";
  /** The code of Hearth's answer, "unreachable" where there was none, else empty. */
  readonly reason: string;
  /** HTTP status of that answer, else 0. */
  readonly status: number;
  /** Of that answer, for whoever reads Hearth's log; else empty. */
  readonly requestId: string;
  /** From `connect`: where the app can be opened in a tab of its own. */
  readonly newTabUrl?: string;
  /** With "settings_conflict": what is saved now. */
  readonly current?: SavedSettings;
  /** With the reason "settings_invalid": where the schema is broken (a JSON Pointer), and how. */
  readonly errors?: readonly { readonly pointer: string; readonly problem: string }[];
}

/**
 * Signs in where needed, which leaves the page and comes back to it. However often it is called,
 * a document connects once, unless that failed. Rejects with HearthError.
 */
export function connect(options?: ConnectOptions): Promise<Hearth>;
