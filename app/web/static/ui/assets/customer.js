/**
 * Who is at the other end of the conversation, as Infobip's People knows them.
 */

import { byId, element, setText } from "./dom.js";
import { readPerson } from "./infobip.js";
import { once } from "./result.js";
import { explain, languageInWords } from "./words.js";

/** @param {{failed: () => void}} listener */
export function makeCustomer({ failed }) {
  const section = byId("customer");
  const again = byId("customer-again");
  let shown = "";

  async function load() {
    const wanted = shown;
    again.hidden = true;
    setText("customer-note", "");
    section.dataset.loading = "yes";
    try {
      const person = await readPerson(wanted);
      if (shown === wanted) fill(person);
    } catch (error) {
      if (shown === wanted) setText("customer-note", inWords(error));
    }
    if (shown === wanted) delete section.dataset.loading;
  }

  /** @param {import("./infobip.js").Person} person */
  function fill(person) {
    setText("customer-name", person.name || "Unnamed");
    setText("customer-place", person.place);
    setText("customer-email", person.email);
    setText("customer-language", person.language ? languageInWords(person.language) : "");
    for (const name of ["place", "email", "language"]) {
      byId(`customer-${name}`).parentElement.hidden = !byId(`customer-${name}`).textContent;
    }
    const chips = person.tags.map((tag) => element("li", tag, "chip"));
    for (const chip of chips) chip.dir = "auto";
    byId("customer-tags").replaceChildren(...chips);
    byId("customer-tags").hidden = chips.length === 0;
  }

  /** @param {any} error */
  function inWords(error) {
    if (error.code === "NOT_FOUND" || error.status === 404) return "Not known to Infobip's People.";
    if (error.code === "not_allowed") return "Not shown: this app may not read people's profiles.";
    again.hidden = false;
    failed();
    const doing = "read this customer's profile";
    const { title, text } = explain(error, { doing, repeatable: true });
    return `${title}. ${text}`.trim();
  }

  again.addEventListener("click", () => once(again, load));

  return {
    /** @param {string} address nothing where there is none */
    show(address) {
      if (shown === address) return;
      shown = address;
      section.hidden = !address;
      for (const name of ["name", "place", "email", "language"]) setText(`customer-${name}`, "");
      byId("customer-tags").replaceChildren();
      setText("customer-address", address);
      if (address) void load();
    },
  };
}
