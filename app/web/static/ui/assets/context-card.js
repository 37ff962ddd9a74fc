import { connect } from "../../embed.js";
import { openConversation } from "./conversation.js";
import { makeCustomer } from "./customer.js";
import { byId } from "./dom.js";
import { keepDraft, takeDraft } from "./draft.js";
import { runPage } from "./page.js";
import { showFailure } from "./result.js";
import { makeSmsForm } from "./sms-form.js";

const failed = () => void page.check();
const sms = makeSmsForm({ failed });
const customer = makeCustomer({ failed });
let person = "";
let conversationId = "";
/** @type {ReturnType<typeof openConversation> | null} */
let conversation = null;

const page = runPage({
  beforeLeaving,
  async show(session) {
    const now = `${session.accountKey}/${session.userKey}`;
    const another = person !== now;
    person = now;
    if (!conversation) {
      conversationId = (await connect()).params.conversationId ?? "";
      conversation = openConversation(conversationId, { failed, met: customer.show });
      byId("sms").open = conversationId === "";
    }
    if (another) {
      customer.show("");
      restoreDraft();
    }
    conversation.show(now, session.connection.status === "active");
  },
});

// --- what was typed stays

let warned = false;
const owner = () => `${person}/${conversationId}`;

function writing() {
  return { ...sms.draft, reply: conversation?.reply.text ?? "" };
}

// The forms stay in sight when the session is gone, with what was typed in them.
document.addEventListener("input", () => {
  const { text, reply } = writing();
  document.body.toggleAttribute("data-draft", (text + reply).trim() !== "");
});

function beforeLeaving() {
  const draft = writing();
  if (!Object.values(draft).some(Boolean)) return true;
  if (keepDraft(owner(), draft) || warned || !(draft.text || draft.reply)) return true;
  warned = true;
  const typed = byId(draft.reply ? "reply-text" : "sms-text");
  typed.focus();
  typed.select();
  showFailure(byId(draft.reply ? "reply-result" : "sms-result"), {
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
  sms.restore(draft);
  if (draft.text) byId("sms").open = true;
  if (conversation && !conversation.reply.text) conversation.reply.text = draft.reply ?? "";
}
