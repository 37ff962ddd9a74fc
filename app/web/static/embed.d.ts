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

export interface Hearth {
  readonly session: Session;
  /** The query parameters that this very frame was opened with, such as `conversationId`. */
  readonly params: Record<string, string>;
  /**
   * `fetch` through the gateway: a call to Infobip's API with the connection's token. The answer
   * is Infobip's, or Hearth's problem+json with a `code` such as "not_allowed", "connection_lost"
   * or "not_signed_in".
   */
  infobip(path: string, init?: RequestInit): Promise<Response>;
  /** `fetch` of a path of Hearth's own API, such as `DELETE /api/session` to sign out. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Leaves the page and signs in anew, with the same parameters. */
  reconnect(): Promise<never>;
}

/** Why nobody is signed in. */
export class HearthError extends Error {
  /**
   * - "storage_blocked": the browser keeps nothing for this page inside another site. Offer a
   *   link to `newTabUrl` with `target="_blank"`.
   * - "not_signed_in": there is no session, and a sign-in has just been tried; or this page is on
   *   another origin than Hearth and in no frame, where it cannot sign in.
   * - "sign_in_failed": `reason` and the message say why.
   */
  readonly code: "storage_blocked" | "not_signed_in" | "sign_in_failed";
  /** The code of Hearth's answer, "unreachable" where there was none, else empty. */
  readonly reason: string;
  /** Of that answer, for whoever reads Hearth's log; else empty. */
  readonly requestId: string;
  /** Where Hearth's own page can be opened in a tab of its own. */
  readonly newTabUrl?: string;
}

/**
 * Signs in where needed, which leaves the page and comes back to it. However often it is called,
 * a document connects once, unless that failed. Rejects with HearthError.
 */
export function connect(options?: ConnectOptions): Promise<Hearth>;
