/**
 * Sends an SMS to anybody, whatever conversation the card was opened beside.
 */

import { api } from "./api.js";
import { byId, setText } from "./dom.js";
import { clear, once, showFailure, showSuccess, showWaiting } from "./result.js";
import { asNumber, asSender, measure, wrongRecipient, wrongSender, wrongText } from "./sms.js";
import { explain } from "./words.js";

// Status groups in which a message is on its way or there; all others are refusals.
const UNDER_WAY = new Set(["ACCEPTED", "PENDING", "DELIVERED"]);

/** @param {{failed: () => void}} listener */
export function makeSmsForm({ failed }) {
  const form = byId("sms-form");
  const send = byId("sms-send");
  const result = byId("sms-result");
  const fields = {
    to: { input: byId("sms-to"), hint: byId("sms-to-hint"), wrong: wrongRecipient },
    from: { input: byId("sms-from"), hint: byId("sms-from-hint"), wrong: wrongSender },
    text: { input: byId("sms-text"), hint: byId("sms-text-hint"), wrong: wrongText },
  };
  const text = fields.text.input;

  for (const field of Object.values(fields)) {
    field.input.addEventListener("input", () => {
      if (field.input.hasAttribute("aria-invalid")) judge(field);
    });
    field.input.addEventListener("change", () => field.input.value && judge(field));
  }

  /** @param {typeof fields.to} field @returns {boolean} whether it can be sent */
  function judge({ input, hint, wrong }) {
    const problem = wrong(input.value);
    hint.textContent = problem;
    if (problem) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    return !problem;
  }

  form.addEventListener("input", count);
  text.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void once(send, sendSms);
  });

  function count() {
    const size = measure(text.value);
    const characters = size.characters === 1 ? "1 character" : `${size.characters} characters`;
    const parts = size.parts < 2 ? "" : ` · ${size.parts} SMS`;
    setText("sms-count", `${characters}${parts} · ${size.left} left`);
    setText(
      "sms-alphabet",
      size.culprit ? `With “${size.culprit}”, one SMS holds 70 characters instead of 160.` : "",
    );
  }

  async function sendSms() {
    const wrong = Object.values(fields).filter((field) => !judge(field));
    if (wrong.length > 0) {
      clear(result);
      wrong[0].input.focus();
      return;
    }
    showWaiting(result, "Sending…");
    try {
      const answer = await api("/api/infobip/sms/2/text/advanced", {
        method: "POST",
        json: {
          messages: [
            {
              destinations: [{ to: asNumber(fields.to.input.value) }],
              from: asSender(fields.from.input.value),
              text: text.value,
            },
          ],
        },
      });
      showAnswer(answer?.messages?.[0]);
    } catch (error) {
      showFailure(result, explain(error, { doing: "send an SMS", changes: true }));
      failed();
    }
  }

  /** @param {any} message */
  function showAnswer(message) {
    const status = message?.status ?? {};
    const group = String(status.groupName ?? "");
    const description = String(status.description ?? "");
    if (UNDER_WAY.has(group) || !group) {
      const small = [status.name, message?.messageId].filter(Boolean).join(" · ");
      showSuccess(result, "Infobip accepted the message", description, small);
      text.value = ""; // a second click must not send it twice
      count();
      return;
    }
    const [title, list, code] = ["Infobip rejected the message", [], String(status.name ?? group)];
    showFailure(result, { title, text: description, list, code });
  }

  count();
  send.disabled = false;

  return {
    get draft() {
      const { to, from } = fields;
      return { to: to.input.value, from: from.input.value, text: text.value };
    },
    /** @param {Record<string, string>} draft */
    restore(draft) {
      for (const name of /** @type {const} */ (["to", "from", "text"])) {
        const { input } = fields[name];
        if (!input.value) input.value = draft[name] ?? "";
      }
      count();
    },
  };
}
