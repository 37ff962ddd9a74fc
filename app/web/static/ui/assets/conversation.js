/**
 * The conversation beside which the card was opened: its topic and status, its messages, and a box
 * to answer in. All of it is of one conversation for one person; an answer that comes after another
 * one was opened is dropped.
 */

import { byId, setText } from "./dom.js";
import { looksLikeAnId, readConversation, readMessages, writeMessage } from "./infobip.js";
import { showMessages } from "./messages.js";
import { makeReply } from "./reply.js";
import { once } from "./result.js";
import { explain } from "./words.js";

const REFRESH_MS = 15_000;
const STATUS_WORDS = { OPEN: "Open", WAITING: "Waiting", SOLVED: "Solved", CLOSED: "Closed" };

/** @typedef {import("./infobip.js").Message} Message */

/**
 * @param {string} id nothing where the card was opened without a conversation
 * @param {{failed: () => void, met: (address: string) => void}} listener `failed` after a call that
 *   did not work; `met` with the customer's address, once it is known
 */
export function openConversation(id, { failed, met }) {
  const section = byId("conversation");
  const thread = byId("thread");
  const again = byId("conversation-again");
  const earlier = byId("messages-earlier");
  let shown = "";
  let agentId = "";
  let pages = 0;
  /** @type {Message[]} newest first */
  let messages = [];

  const reply = makeReply({
    async send(route, text) {
      const sent = await writeMessage(id, agentId, route, text);
      take([sent]);
    },
    failed,
  });

  /** @param {Message[]} found */
  function take(found) {
    const known = new Map(messages.map((message) => [message.id, message]));
    for (const message of found) known.set(message.id, message);
    messages = [...known.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
    showMessages(messages);
    const newest = messages[0];
    if (!newest) return;
    const theirs = newest.direction === "INBOUND" ? newest.from : newest.to;
    const ours = newest.direction === "INBOUND" ? newest.to : newest.from;
    reply.to({ from: ours, to: theirs, channel: newest.channel });
    met(theirs);
  }

  /** @param {string} wanted */
  async function load(wanted) {
    again.hidden = true;
    if (!looksLikeAnId(id)) return settle("This does not look like a conversation's id.");
    section.dataset.loading = "yes";
    const [about, said] = await Promise.allSettled([readConversation(id), readMessages(id, 0)]);
    if (shown !== wanted) return undefined;
    if (about.status === "fulfilled") showAbout(about.value);
    if (said.status === "fulfilled") {
      pages = 1;
      earlier.hidden = !said.value.more;
      thread.hidden = false;
      take(said.value.messages);
    }
    const trouble = [said, about].find((each) => each.status === "rejected");
    settle(trouble ? inWords(trouble.reason) : "");
    return undefined;
  }

  /** @param {import("./infobip.js").Conversation} about */
  function showAbout(about) {
    agentId = about.agentId;
    const topic = about.topic || "No topic";
    setText("conversation-topic", topic);
    byId("conversation-topic").title = topic;
    const chip = byId("conversation-status");
    const words = STATUS_WORDS[/** @type {"OPEN"} */ (about.status)] ?? about.status;
    setText("conversation-status", words);
    chip.dataset.status = about.status.toLowerCase();
    chip.hidden = !about.status;
  }

  /** @param {any} error */
  function inWords(error) {
    if (error.code === "not_allowed") {
      return "Not all is shown: this app may not read conversations and their messages.";
    }
    if (error.code === "NOT_FOUND" || error.status === 404) {
      return "Infobip does not know this conversation.";
    }
    again.hidden = false;
    failed();
    const { title, text } = explain(error, { doing: "read this conversation", repeatable: true });
    return `${title}. ${text}`.trim();
  }

  /** @param {string} note */
  function settle(note) {
    delete section.dataset.loading;
    setText("conversation-note", note);
  }

  async function refresh() {
    if (document.hidden || pages === 0 || section.dataset.paused) return;
    const wanted = shown;
    // What stands here stays where this fails; the page tells by itself when Hearth is away.
    const found = await readMessages(id, 0).catch(() => null);
    if (found && shown === wanted) take(found.messages);
  }

  again.addEventListener("click", () => once(again, () => load(shown)));
  earlier.addEventListener("click", () =>
    once(earlier, async () => {
      const wanted = shown;
      try {
        const found = await readMessages(id, pages);
        if (shown !== wanted) return;
        pages += 1;
        earlier.hidden = !found.more;
        take(found.messages);
        if (earlier.hidden) thread.focus();
      } catch (error) {
        settle(inWords(error));
      }
    }),
  );
  setInterval(refresh, REFRESH_MS);
  document.addEventListener("visibilitychange", refresh);

  return {
    reply,
    /** @param {string} person @param {boolean} active whether calls can be made */
    show(person, active) {
      setText("conversation-id", id || "None");
      if (active) delete section.dataset.paused;
      else section.dataset.paused = "yes";
      if (id === "") return settle("This card was opened without a conversation.");
      if (!active && shown === "") return settle("Shown when the connection is back.");
      if (!active || shown === person) return undefined;
      forget();
      shown = person;
      void load(person);
      return undefined;
    },
    forget,
  };

  function forget() {
    shown = "";
    messages = [];
    pages = 0;
    thread.hidden = true;
    byId("conversation-status").hidden = true;
    setText("conversation-topic", "");
    showMessages(messages);
    reply.to(null);
  }
}
