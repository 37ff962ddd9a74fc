/**
 * What both pages are made of: their state on <body>, the notice at the top, who is signed in,
 * and the way back through the entry route.
 */

import { connect } from "../../embed.js";
import { showConnection } from "./connection.js";
import { byId, element, setText } from "./dom.js";
import { watchSession } from "./session.js";
import { explain, languageInWords, lossInWords } from "./words.js";

/** @typedef {import("../../embed.js").Session} Session */

const MANY = 12; // chips shown before "and 38 more"

/** @param {"loading" | "ready" | "signed-out" | "lost" | "error"} state */
function setState(state) {
  document.body.dataset.state = state;
}

/**
 * @param {null | {
 *   kind: "info" | "warn" | "error",
 *   title: string,
 *   text: string,
 *   code?: string,
 *   label?: string,
 *   act?: () => void,
 * }} notice
 */
function setNotice(notice) {
  const box = byId("notice");
  const key = notice ? `${notice.kind}|${notice.title}|${notice.text}` : "";
  const button = byId("notice-action");
  button.onclick = notice?.act ?? null;
  if (box.dataset.key === key) return; // said already; do not have it read out again
  box.dataset.key = key;
  box.hidden = !notice;
  if (!notice) return;
  box.dataset.kind = notice.kind;
  setText("notice-title", notice.title);
  setText("notice-text", notice.text);
  setText("notice-code", notice.code ?? "");
  button.hidden = !notice.label;
  button.textContent = notice.label ?? "";
}

/**
 * Runs the page: signs in, follows the session and shows it.
 *
 * @param {{
 *   show?: (session: Session) => void,
 *   beforeLeaving?: () => boolean,
 * }} page `show` for what only this page has; `beforeLeaving` may answer false to stay
 */
export function runPage({ show, beforeLeaving }) {
  /** @type {string | null} */
  let person = null;
  let changed = "";
  let signedOutByChoice = false;

  /** Through the entry route and Authorize, back to this page with the same parameters. */
  function connectAgain() {
    if (beforeLeaving && !beforeLeaving()) return;
    connect().then(
      (hearth) => hearth.reconnect(),
      ({ newTabUrl }) => location.assign(newTabUrl),
    );
  }

  const watch = watchSession({
    known(session) {
      const now = `${session.accountKey}/${session.userKey}`;
      if (person !== null && person !== now) changed = session.username ?? "another user";
      person = now;
      signedOutByChoice = false;
      document.body.dataset.known = "yes";
      showPerson(session);
      showConnection(session.connection);
      show?.(session);

      const { status, reason } = session.connection;
      if (status === "active") {
        setState("ready");
        setNotice(
          changed
            ? {
                kind: "info",
                title: "Another user is signed in now",
                text: `This page acts for ${changed} from here on.`,
                label: "Understood",
                act() {
                  changed = "";
                  setNotice(null);
                },
              }
            : null,
        );
        return;
      }
      const disconnected = status === "disconnected";
      setState("lost");
      setNotice({
        kind: "warn",
        title: disconnected
          ? "This connection was switched off"
          : "The connection to Infobip is lost",
        text: disconnected
          ? "The app no longer acts for you. Connect again to go on."
          : `${lossInWords(reason)} Until you connect again, the app cannot act for you.`,
        code: reason ?? "",
        label: "Connect again",
        act: connectAgain,
      });
    },

    signedOut() {
      person = null;
      delete document.body.dataset.known;
      forgetPerson();
      showConnection(null);
      setState("signed-out");
      setNotice(
        signedOutByChoice
          ? {
              kind: "info",
              title: "You have signed out",
              text: "This browser's session is over. The app's connection to Infobip stays.",
              label: "Sign in again",
              act: connectAgain,
            }
          : {
              kind: "info",
              title: "You are signed out",
              text: "The session has ended, or your browser did not keep it.",
              label: "Sign in again",
              act: connectAgain,
            },
      );
    },

    trouble(error) {
      if (document.body.dataset.known) {
        showConnection("unknown");
        return; // what is shown stays, and so does the state: this passes
      }
      if (document.body.dataset.state === "signed-out") return;
      const { title, text, code } = explain(error, { doing: "show this page" });
      setState("error");
      setNotice({
        kind: "error",
        title,
        text: `${text} This page keeps trying by itself.`.trim(),
        code,
        label: "Try now",
        act: watch.check,
      });
    },
  });

  return {
    check: watch.check,
    /** To be called after the session was ended on purpose. */
    signedOut() {
      signedOutByChoice = true;
      return watch.check();
    },
  };
}

/** @param {Session} session */
function showPerson(session) {
  const name = trimmed(session.username) || trimmed(session.email) || "Unnamed user";
  setText("user-name", name);
  byId("user-name").title = name;
  setText("user-email", trimmed(session.email) || "No e-mail address");
  byId("user-email").title = trimmed(session.email);
  setText("user-initial", [...name][0].toLocaleUpperCase());
  setText("account-key", session.accountKey ?? "");
  setText("user-key", session.userKey ?? "");
  setText("locale", session.locale ? languageInWords(session.locale) : "Not given");
  showNamed("roles", session.roles, "No roles");
  showNamed("groups", session.groups, "No groups");
}

function forgetPerson() {
  for (const id of [
    "user-name",
    "user-email",
    "user-initial",
    "account-key",
    "user-key",
    "locale",
  ]) {
    setText(id, "");
  }
  for (const id of ["user-name", "user-email"]) byId(id).title = "";
  for (const id of ["roles", "groups"]) {
    byId(id).replaceChildren();
    delete byId(id).dataset.key;
  }
}

/**
 * @param {string} id
 * @param {import("../../embed.js").Named[] | null | undefined} named
 * @param {string} none
 */
function showNamed(id, named, none) {
  const list = byId(id);
  const names = (named ?? []).map((item) => trimmed(item?.name) || `#${item?.id}`);
  const key = JSON.stringify(names);
  if (list.dataset.key === key) return; // an opened list stays open
  list.dataset.key = key;

  const chips = names.map((name) => {
    const chip = element("li", name, "chip");
    chip.dir = "auto";
    chip.title = name;
    return chip;
  });
  if (chips.length === 0) chips.push(element("li", none, "none"));
  list.replaceChildren(...chips);

  const hidden = chips.slice(MANY);
  if (hidden.length < 2) return;
  for (const chip of hidden) chip.hidden = true;
  const more = /** @type {HTMLButtonElement} */ (
    element("button", `and ${hidden.length} more`, "link")
  );
  more.type = "button";
  const holder = element("li", "");
  holder.append(more);
  list.append(holder);
  more.addEventListener("click", () => {
    for (const chip of hidden) chip.hidden = false;
    holder.remove();
    hidden[0].tabIndex = -1;
    hidden[0].focus();
  });
}

/** @param {unknown} value */
function trimmed(value) {
  return typeof value === "string" ? value.trim() : "";
}
