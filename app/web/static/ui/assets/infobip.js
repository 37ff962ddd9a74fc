/**
 * The calls of Infobip's that the card makes, and what of their answers it shows.
 */

import { api } from "./api.js";

const BASE = "/api/infobip/ccaas/1/conversations";
const PAGE = 20;

/** @typedef {{topic: string, status: string, agentId: string}} Conversation */
/** @typedef {"INBOUND" | "OUTBOUND"} Direction */
/**
 * @typedef {object} Message
 * @property {string} id
 * @property {Direction} direction
 * @property {string} channel
 * @property {string} from
 * @property {string} to
 * @property {string} text nothing where it is no text
 * @property {string} contentType
 * @property {string} createdAt
 */
/** @typedef {{from: string, to: string, channel: string}} Route where a reply goes */
/** @typedef {{name: string, phone: string, email: string, place: string, language: string, tags: string[]}} Person */

/** @param {unknown} value */
const word = (value) => (typeof value === "string" ? value.trim() : "");

/** Whether it may stand in a path. @param {string} id */
export function looksLikeAnId(id) {
  return !/^\.{1,2}$/.test(id) && id.length <= 200;
}

/** @param {string} id @returns {Promise<Conversation>} */
export async function readConversation(id) {
  const { topic, status, agentId } = (await api(`${BASE}/${encodeURIComponent(id)}`)) ?? {};
  return { topic: word(topic), status: word(status), agentId: word(agentId) };
}

/**
 * The newest first.
 *
 * @param {string} id @param {number} page
 * @returns {Promise<{messages: Message[], more: boolean}>}
 */
export async function readMessages(id, page) {
  const query = new URLSearchParams({
    limit: String(PAGE),
    page: String(page),
    orderBy: "createdAt:DESC",
  });
  const answer = await api(`${BASE}/${encodeURIComponent(id)}/messages?${query}`);
  const messages = Array.isArray(answer?.messages) ? answer.messages : [];
  const total = Number(answer?.pagination?.totalItems ?? 0);
  return { messages: messages.map(asMessage), more: total > (page + 1) * PAGE };
}

/**
 * @param {string} id @param {string} agentId where the conversation has an agent
 * @param {Route} route @param {string} text
 * @returns {Promise<Message>} as Infobip took it
 */
export async function writeMessage(id, agentId, route, text) {
  const answer = await api(`${BASE}/${encodeURIComponent(id)}/messages`, {
    method: "POST",
    headers: agentId ? { "x-agent-id": agentId } : {},
    json: { ...route, contentType: "TEXT", content: { text } },
  });
  return asMessage({ ...route, direction: "OUTBOUND", content: { text }, ...answer });
}

/** @param {any} said @returns {Message} */
function asMessage(said) {
  return {
    id: String(said?.id ?? crypto.randomUUID()),
    direction: said?.direction === "OUTBOUND" ? "OUTBOUND" : "INBOUND",
    channel: word(said?.channel),
    from: word(said?.from),
    to: word(said?.to),
    text: word(said?.content?.text),
    contentType: word(said?.contentType),
    createdAt: word(said?.createdAt),
  };
}

/**
 * Who the customer is, by the address that they write from.
 *
 * @param {string} address @returns {Promise<Person>}
 */
export async function readPerson(address) {
  const type = address.includes("@") ? "EMAIL" : "PHONE";
  const query = new URLSearchParams({ identifier: address, type });
  const person = (await api(`/api/infobip/people/2/persons?${query}`)) ?? {};
  const { phone = [], email = [] } = person.contactInformation ?? {};
  return {
    name: [word(person.firstName), word(person.lastName)].filter(Boolean).join(" "),
    phone: word(phone?.[0]?.number),
    email: word(email?.[0]?.address),
    place: [word(person.city), word(person.country)].filter(Boolean).join(", "),
    language: word(person.preferredLanguage),
    tags: Array.isArray(person.tags) ? person.tags.map(word).filter(Boolean) : [],
  };
}
