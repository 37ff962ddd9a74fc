import { connect } from "/embed.js";

const byId = (id) => document.getElementById(id);

try {
  const hearth = await connect();
  byId("name").textContent = `, ${hearth.session.username}`;

  const id = encodeURIComponent(hearth.params.conversationId ?? "");
  const answer = await hearth.infobip(`/ccaas/1/conversations/${id}`);
  const conversation = await answer.json();
  byId("about").textContent = answer.ok
    ? `This conversation is about: ${conversation.topic}`
    : "This conversation cannot be read just now.";

  hearth.onStatus(({ status }) => (byId("again").hidden = status === "active"));
  byId("again").onclick = () => hearth.reconnect();
} catch (error) {
  byId("about").textContent = error.message;
}
