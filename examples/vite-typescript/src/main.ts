import { connect, type Hearth } from "hearth";
import { Conversation, type Message } from "./infobip";
import "./card.css";

interface Settings {
  replies?: string[];
}

const DEFAULT_REPLIES = ["Thank you, we will look into it.", "May we call you back?"];

const card = document.querySelector<HTMLElement>("#card")!;

try {
  await show(await connect());
} catch (error) {
  card.replaceChildren(paragraph(error instanceof Error ? error.message : String(error)));
} finally {
  card.removeAttribute("aria-busy");
}

async function show(hearth: Hearth): Promise<void> {
  const conversation = new Conversation(hearth);
  const [{ replies = DEFAULT_REPLIES }, newest] = await Promise.all([
    hearth.settings.load<Settings>(),
    conversation.newest(),
  ]);
  const title = document.createElement("h1");
  title.textContent = `Quick replies for ${hearth.session.username}`;
  const said = paragraph(newest?.content.text ?? "Nobody has written yet.");
  const status = paragraph("");
  status.setAttribute("role", "status");
  const buttons = newest ? replies.map((text) => replyButton(conversation, newest, text, status)) : [];
  card.replaceChildren(title, said, ...buttons, status);

  const again = button("Connect again", () => hearth.reconnect());
  hearth.onStatus(({ status: now }) => {
    if (now === "active") again.remove();
    else card.append(again);
  });
}

function replyButton(to: Conversation, newest: Message, text: string, status: HTMLElement) {
  return button(text, async () => {
    try {
      await to.reply(newest, text);
      status.textContent = `Sent: ${text}`;
    } catch (error) {
      status.textContent = String(error);
    }
  });
}

function button(text: string, act: () => Promise<unknown>): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", () => void act());
  return made;
}

function paragraph(text: string): HTMLParagraphElement {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}
