/**
 * The messages of a conversation, the oldest on top, as both sides know them from a phone.
 */

import { byId, element } from "./dom.js";

/** @typedef {import("./infobip.js").Message} Message */

const NEAR_END_PX = 48;

/** @param {Message[]} messages newest first */
export function showMessages(messages) {
  const thread = byId("thread");
  const list = byId("messages");
  const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_END_PX;
  const fromEnd = thread.scrollHeight - thread.scrollTop;

  const shown = new Map([...list.children].map((item) => [item.dataset.id, item]));
  const items = messages.toReversed().map((message) => shown.get(message.id) ?? made(message));
  list.replaceChildren(...items);
  byId("messages-none").hidden = messages.length > 0;
  thread.scrollTop = atEnd ? thread.scrollHeight : thread.scrollHeight - fromEnd;
}

/** @param {Message} message */
function made({ id, direction, text, contentType, channel, createdAt }) {
  const item = element("li", "", "said");
  item.dataset.id = id;
  item.dataset.direction = direction.toLowerCase();
  const kind = (contentType || "message").toLowerCase().replaceAll("_", " ");
  const words = text
    ? element("p", text, "said-text")
    : element("p", `A message that this card cannot show (${kind})`, "said-text quiet");
  words.dir = "auto";
  const about = element("p", "", "said-about");
  about.append(
    element("span", direction === "INBOUND" ? "From the customer, " : "From us, ", "unseen"),
    time(createdAt),
    channel ? ` · ${channel}` : "",
  );
  item.append(words, about);
  return item;
}

/** @param {string} at */
function time(at) {
  const when = new Date(at);
  const shown = /** @type {HTMLTimeElement} */ (element("time", ""));
  if (Number.isNaN(when.getTime())) return shown;
  shown.dateTime = at;
  shown.title = when.toLocaleString();
  const today = when.toDateString() === new Date().toDateString();
  const clock = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const day = when.toLocaleDateString([], { day: "numeric", month: "short" });
  shown.textContent = today ? clock : `${day}, ${clock}`;
  return shown;
}
