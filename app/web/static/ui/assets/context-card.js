import { api } from "./api.js";
import { byId, setText } from "./dom.js";
import { keepDraft, takeDraft } from "./draft.js";
import { runPage } from "./page.js";
import { takeParams } from "./params.js";
import { clear, once, showFailure, showSuccess, showWaiting } from "./result.js";
import { asNumber, asSender, measure, wrongRecipient, wrongSender, wrongText } from "./sms.js";
import { explain } from "./words.js";

/** @typedef {import("./session.js").Session} Session */

const frame = takeParams();
let person = "";
let conversationId = frame.params.get("conversationId") ?? "";

const page = runPage({
  entry: "/context-card",
  query: frame.query,
  handover: frame.handover,
  beforeLeaving,
  show(session) {
    const first = person === "";
    person = `${session.accountKey}/${session.userKey}`;
    if (!frame.exact) conversationId = fromSession(session);
    showConversation(session);
    if (first) restoreDraft();
  },
});

/** @param {Session} session */
function fromSession({ surface, params }) {
  const value = surface === "context-card" ? params?.conversationId : "";
  return String((Array.isArray(value) ? value[0] : value) ?? "");
}

// --- the conversation

const conversation = byId("conversation");
const askAgain = byId("conversation-again");
let shown = "";

/** @param {Session} session */
function showConversation({ connection }) {
  setText("conversation-id", conversationId || "None");
  if (conversationId === "") {
    settle("", "", "This card was opened without a conversation.");
    return;
  }
  if (connection.status !== "active") {
    if (shown === "") settle("", "", "Shown when the connection is back.");
    return;
  }
  const wanted = `${person}/${conversationId}`;
  if (shown !== wanted) {
    shown = wanted;
    void loadConversation(wanted);
  }
}

/** @param {string} wanted */
async function loadConversation(wanted) {
  askAgain.hidden = true;
  if (/^\.{1,2}$/.test(conversationId) || conversationId.length > 200) {
    settle("", "", "This does not look like a conversation's id.");
    return;
  }
  conversation.dataset.loading = "yes";
  try {
    const path = `/api/infobip/ccaas/1/conversations/${encodeURIComponent(conversationId)}`;
    const found = await api(path);
    if (shown !== wanted) return; // another person's or another conversation's by now
    settle(String(found?.topic ?? "").trim() || "No topic", String(found?.status ?? ""), "");
  } catch (error) {
    if (shown !== wanted) return;
    const { code, status } = /** @type {any} */ (error);
    if (code === "not_allowed") {
      settle("", "", "Topic and status are not shown: this app may not read conversations.");
    } else if (code === "NOT_FOUND" || status === 404) {
      settle("", "", "Infobip does not know this conversation.");
    } else {
      const { title, text } = explain(error, { doing: "read this conversation" });
      settle("", "", `${title}. ${text}`);
      askAgain.hidden = false;
    }
  }
}

askAgain.addEventListener("click", () => once(askAgain, () => loadConversation(shown)));

const STATUS_WORDS = { OPEN: "Open", WAITING: "Waiting", SOLVED: "Solved", CLOSED: "Closed" };

/** @param {string} topic @param {string} status @param {string} note */
function settle(topic, status, note) {
  delete conversation.dataset.loading;
  setText("conversation-topic", topic);
  byId("conversation-topic").title = topic;
  const chip = byId("conversation-status");
  setText("conversation-status", STATUS_WORDS[/** @type {"OPEN"} */ (status)] ?? status);
  chip.dataset.status = status.toLowerCase();
  chip.hidden = !status;
  setText("conversation-note", note);
}

// --- the message

const form = byId("sms-form");
const send = byId("sms-send");
const result = byId("sms-result");
const fields = {
  to: { input: byId("sms-to"), hint: byId("sms-to-hint"), wrong: wrongRecipient },
  from: { input: byId("sms-from"), hint: byId("sms-from-hint"), wrong: wrongSender },
  text: { input: byId("sms-text"), hint: byId("sms-text-hint"), wrong: wrongText },
};

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

const text = fields.text.input;
form.addEventListener("input", count);
text.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

function count() {
  // Lets the form stay in sight when the session is gone, with what was typed in it.
  document.body.toggleAttribute("data-draft", text.value.trim() !== "");
  const size = measure(text.value);
  const characters = size.characters === 1 ? "1 character" : `${size.characters} characters`;
  const parts = size.parts < 2 ? "" : ` · ${size.parts} SMS`;
  setText("sms-count", `${characters}${parts} · ${size.left} left`);
  setText(
    "sms-alphabet",
    size.culprit ? `With “${size.culprit}”, one SMS holds 70 characters instead of 160.` : "",
  );
}

form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  void once(send, sendSms);
});

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
    void page.check();
  }
}

// Status groups in which a message is on its way or there; all others are refusals.
const UNDER_WAY = new Set(["ACCEPTED", "PENDING", "DELIVERED"]);

/** @param {any} message */
function showAnswer(message) {
  const status = message?.status ?? {};
  const group = String(status.groupName ?? "");
  const description = String(status.description ?? "");
  if (UNDER_WAY.has(group) || !group) {
    const small = [status.name, message?.messageId].filter(Boolean).join(" · ");
    showSuccess(result, "Infobip accepted the message", description, small);
    return;
  }
  const [title, list, code] = ["Infobip rejected the message", [], String(status.name ?? group)];
  showFailure(result, { title, text: description, list, code });
}

// --- what was typed stays

let warned = false;

function beforeLeaving() {
  const draft = {
    to: fields.to.input.value,
    from: fields.from.input.value,
    text: text.value,
  };
  if (!draft.to && !draft.from && !draft.text) return true;
  if (keepDraft(owner(), draft) || warned || !draft.text) return true;
  warned = true;
  text.focus();
  text.select();
  showFailure(result, {
    title: "Copy your message first",
    text: "Your browser keeps nothing for this page, so connecting again empties the form. It is selected: copy it, then connect again.",
    list: [],
    code: "",
  });
  return false;
}

function restoreDraft() {
  const draft = takeDraft(owner());
  if (!draft) return;
  for (const name of /** @type {const} */ (["to", "from", "text"])) {
    const { input } = fields[name];
    if (!input.value) input.value = draft[name];
  }
  count();
}

const owner = () => `${person}/${conversationId}`;

count();
send.disabled = false;
