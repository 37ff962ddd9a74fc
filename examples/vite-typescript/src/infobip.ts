import type { Hearth } from "hearth";

export interface Message {
  from: string;
  to: string;
  channel: string;
  direction: "INBOUND" | "OUTBOUND";
  content: { text?: string };
}

/** What this card needs of Infobip's Conversations API, for the conversation it stands beside. */
export class Conversation {
  readonly #hearth: Hearth;
  readonly #path: string;

  constructor(hearth: Hearth) {
    this.#hearth = hearth;
    const id = encodeURIComponent(hearth.params["conversationId"] ?? "");
    this.#path = `/ccaas/1/conversations/${id}/messages`;
  }

  async newest(): Promise<Message | undefined> {
    const answer = await this.#hearth.infobip(`${this.#path}?limit=1&orderBy=createdAt:DESC`);
    if (!answer.ok) throw new Error("The conversation cannot be read just now.");
    const { messages } = (await answer.json()) as { messages: Message[] };
    return messages[0];
  }

  /** Answers who wrote, by the channel that they wrote on. */
  async reply(to: Message, text: string): Promise<void> {
    const theirs = to.direction === "INBOUND" ? to.from : to.to;
    const ours = to.direction === "INBOUND" ? to.to : to.from;
    const { channel } = to;
    const body = { from: ours, to: theirs, channel, contentType: "TEXT", content: { text } };
    const answer = await this.#hearth.infobip(this.#path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error("The reply was not sent.");
  }
}
