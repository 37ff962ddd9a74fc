/**
 * The box in which a conversation is answered. Where it goes is what the last message tells: back
 * to who wrote it, by the same channel.
 */

import { byId, setText } from "./dom.js";
import { clear, once, showFailure, showWaiting } from "./result.js";
import { explain } from "./words.js";

/** @typedef {import("./infobip.js").Route} Route */

/**
 * @param {{send: (route: Route, text: string) => Promise<void>, failed: () => void}} how `send`
 *   throws where it did not work
 */
export function makeReply({ send, failed }) {
  const form = byId("reply-form");
  const text = byId("reply-text");
  const button = byId("reply-send");
  const result = byId("reply-result");
  /** @type {Route | null} */
  let route = null;

  form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void once(button, submit);
  });
  text.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  text.addEventListener("input", () => judge(false));

  /** @param {boolean} strictly */
  function judge(strictly) {
    const wrong = strictly && !text.value.trim();
    setText("reply-hint", wrong ? "Write the reply first." : "");
    if (wrong) text.setAttribute("aria-invalid", "true");
    else text.removeAttribute("aria-invalid");
    return !wrong;
  }

  async function submit() {
    if (!route) return;
    if (!judge(true)) {
      text.focus();
      return;
    }
    showWaiting(result, "Sending…");
    try {
      await send(route, text.value.trim());
      text.value = "";
      clear(result);
      setText("reply-done", "Sent.");
    } catch (error) {
      showFailure(result, explain(error, { doing: "write into this conversation", changes: true }));
      failed();
    }
  }

  return {
    /** @param {Route | null} next null where nobody can be answered */
    to(next) {
      route = next;
      form.hidden = !next;
      if (!next) return;
      setText("reply-label", `Reply by ${next.channel || "message"} to ${next.to}`);
    },
    get text() {
      return text.value;
    },
    set text(value) {
      text.value = value;
    },
  };
}
