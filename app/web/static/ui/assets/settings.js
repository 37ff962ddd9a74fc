import { ApiError, api } from "./api.js";
import { showSettings } from "./app-settings.js";
import { byId } from "./dom.js";
import { runPage } from "./page.js";
import { clear, once, showFailure, showSuccess, showWaiting } from "./result.js";
import { explain } from "./words.js";

const page = runPage({
  show(session) {
    void showSettings(`${session.accountKey}/${session.userKey}`);
    const ends = byId("session-expires-at");
    const when = new Date(session.expiresAt);
    if (Number.isNaN(when.getTime()) || ends.dateTime === session.expiresAt) return;
    ends.dateTime = session.expiresAt;
    ends.textContent = readable(when, session.locale);
  },
});

const testButton = byId("test-connection");
const testResult = byId("test-result");
testButton.addEventListener("click", () =>
  once(testButton, async () => {
    showWaiting(testResult, "Asking Infobip…");
    try {
      const account = await api("/api/infobip/account/1/balance");
      showSuccess(
        testResult,
        "The connection works",
        `Your account's balance is ${money(account)}.`,
      );
    } catch (error) {
      showFailure(testResult, explain(error, { doing: "read the account's balance" }));
      void page.check();
    }
  }),
);

const signOutButton = byId("sign-out");
const signOutResult = byId("sign-out-result");
signOutButton.addEventListener("click", () =>
  once(signOutButton, async () => {
    clear(signOutResult);
    try {
      await api("/api/session", { method: "DELETE" });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "not_signed_in")) {
        showFailure(signOutResult, explain(error, { doing: "sign you out" }));
        return;
      }
    }
    clear(testResult);
    await page.signedOut();
    byId("notice-action").focus();
  }),
);

/** @param {any} account */
function money(account) {
  const { balance, currency } = account ?? {};
  if (typeof balance !== "number") return "not told";
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).format(balance);
  } catch {
    return [balance, currency].filter((part) => part != null).join(" ");
  }
}

/** @param {Date} when @param {string | null | undefined} locale */
function readable(when, locale) {
  /** @type {Intl.DateTimeFormatOptions} */
  const style = { dateStyle: "medium", timeStyle: "short" };
  try {
    return when.toLocaleString(locale?.replace("_", "-") || undefined, style);
  } catch {
    return when.toLocaleString(undefined, style);
  }
}
