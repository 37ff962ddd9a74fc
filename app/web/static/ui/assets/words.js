/**
 * What went wrong, in words that the person in front of the page can act on.
 */

import { ApiError } from "./api.js";

/**
 * @typedef {object} Explanation
 * @property {string} title
 * @property {string} text
 * @property {string[]} list
 * @property {string} code small print, for whoever is asked for help
 */

/** Why connections are lost, as far as it concerns the person whose it was. */
const LOSSES = {
  refused: "Infobip no longer accepts it.",
  client_refused: "Infobip refuses this app. Whoever runs it has to look into that.",
  unreachable: "Infobip could not be reached in time.",
  timed_out: "Infobip did not answer in time.",
  throttled: "Infobip could not take it on in time.",
  server_error: "Infobip had trouble for too long.",
  unintelligible: "Infobip gave answers that could not be read.",
  let_go: "There were more connections than could be kept, and this one was not used for longest.",
};

/**
 * @param {unknown} error
 * @param {{doing: string, changes?: boolean, repeatable?: boolean}} call what was attempted, such
 *   as "send an SMS"; `changes` when repeating it could do it twice, `repeatable` where a button
 *   beside the words does it
 * @returns {Explanation}
 */
export function explain(error, { doing, changes = false, repeatable = false }) {
  if (!(error instanceof ApiError)) {
    return {
      title: "Something went wrong on this page",
      text: "Reload it and try once more.",
      list: [],
      code: "",
    };
  }
  const [title, ...sentences] = words(error, doing, { changes, repeatable });
  const small = [error.code, error.status || "", error.requestId && `request ${error.requestId}`];
  return {
    title,
    text: sentences.filter(Boolean).map(sentence).join(" "),
    list: error.violations,
    code: small.filter(Boolean).join(" · "),
  };
}

/**
 * @param {ApiError} error
 * @param {string} doing
 * @param {{changes: boolean, repeatable: boolean}} call
 * @returns {string[]} a title, then sentences
 */
function words(error, doing, { changes, repeatable }) {
  const again = repeatable ? "" : "Try again in a moment.";
  const unsure = changes
    ? "It may have been done all the same: check before you repeat it."
    : again;

  switch (error.code) {
    case "not_signed_in":
      return ["You are signed out", "Sign in again to go on."];
    case "not_allowed":
      return [
        `This app may not ${doing}`,
        "It is not among the calls that pages are allowed to make. Whoever runs the app can allow it.",
      ];
    case "connection_lost":
      return ["The connection to Infobip is lost", "Connect again, then repeat it."];
    case "infobip_unreachable":
      return [
        "Infobip cannot be reached",
        changes ? "Most likely nothing was done." : "",
        again,
      ];
    case "infobip_timeout":
      return ["Infobip did not answer in time", unsure];
    case "no_connection":
      return ["Hearth cannot be reached", "Check your network.", unsure];
    case "no_answer":
      return ["Hearth did not answer in time", unsure];
    case "unreadable_answer": {
      const who = error.source === "infobip" ? "Infobip" : "The server";
      return [`${who} gave an answer that this page cannot read`, error.detail, unsure];
    }
  }

  if (error.source === "infobip") {
    if (error.status === 429) return ["Infobip asks to slow down", wait(error.retryAfter)];
    if (error.status >= 500) {
      if (changes) return ["Infobip has trouble", error.detail, unsure];
      return ["Infobip has trouble", repeatable ? "" : error.detail || unsure];
    }
    if (error.status === 401 || error.status === 403) {
      return [
        `Infobip does not let you ${doing}`,
        error.detail,
        "Your role or the app's scopes may be missing a permission.",
      ];
    }
    return [`Infobip refused to ${doing}`, error.detail, error.action];
  }

  if (error.status === 429) return ["Too many calls at once", wait(error.retryAfter)];
  if (error.status === 503) {
    return [
      "Hearth is briefly out of service",
      error.detail,
      changes ? "Nothing was done." : "",
      again,
    ];
  }
  return [error.title, error.detail];
}

/** @param {string | null} reason of a lost connection */
export function lossInWords(reason) {
  return LOSSES[/** @type {keyof typeof LOSSES} */ (reason)] ?? "It was not renewed in time.";
}

/** @param {number | null} seconds */
function wait(seconds) {
  return seconds ? `Try again in ${seconds} s.` : "Try again in a moment.";
}

/** With a full stop where there is none: other people's words stand beside ours.
 *  @param {string} text */
function sentence(text) {
  return /[.!?…。！？]["')”’]?$/u.test(text) ? text : `${text}.`;
}

/** "English (United States)" for `en-US`. @param {string} locale */
export function languageInWords(locale) {
  try {
    const tag = locale.replace("_", "-");
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag) ?? locale;
  } catch {
    return locale;
  }
}
