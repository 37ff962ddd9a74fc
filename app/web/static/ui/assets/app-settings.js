/**
 * The account's settings of the app: read, changed in a form made from their schema or as JSON,
 * saved. What somebody else saved meanwhile is never overwritten unseen.
 */

import { connect } from "../../embed.js";
import { ApiError, api } from "./api.js";
import { showConflict } from "./conflict.js";
import { byId } from "./dom.js";
import { makeJsonEditor } from "./json-editor.js";
import { clear, once, showFailure, showWaiting } from "./result.js";
import { makeForm } from "./schema-form.js";
import { explain } from "./words.js";

/** @typedef {Record<string, any>} Document */
/** @typedef {{pointer: string, problem: string}} Fault where a document is wrong, and how */
/**
 * @typedef {object} Editor what a form and a JSON editor have in common
 * @property {HTMLElement[]} elements
 * @property {(document: Document) => void} write
 * @property {() => {document: Document, faults: Fault[]}} read
 * @property {(faults: Fault[]) => Fault[]} complain shows them and answers those without a place
 */

const form = byId("settings-form");
const fields = byId("settings-fields");
const save = byId("settings-save");
const done = byId("settings-done");
const result = byId("settings-result");
const conflict = byId("settings-conflict");

/** @type {any} */
let settings;
/** @type {Editor | undefined} */
let editor;
/** @type {Record<string, any> | null} */
let schema = null;
let untouched = "";
let shown = "";

/** Shows them, once for each person. @param {string} person */
export async function showSettings(person) {
  if (shown === person) return;
  shown = person;
  try {
    await open();
  } catch (error) {
    shown = "";
    byId("settings-loading").hidden = true;
    showFailure(result, inWords(error, "read the settings"));
  }
}

async function open() {
  const hearth = await connect();
  const told = await api("/api/settings/schema");
  const document = await hearth.settings.load();
  const first = !settings;
  settings = hearth.settings;
  schema = told.schema;
  editor = schema ? makeForm(schema) : makeJsonEditor();
  fields.replaceChildren(...editor.elements);
  fields.disabled = !told.writable;
  save.hidden = !told.writable;
  byId("settings-read-only").hidden = told.writable;
  byId("settings-loading").hidden = true;
  form.hidden = false;
  clear(result);
  show(document);
  if (first) settings.onChange(() => void othersSaved());
}

/** @param {Document} document */
function show(document) {
  editor?.write(document);
  editor?.complain([]);
  untouched = now();
  conflict.hidden = true;
}

/** What stands in the form, to compare. */
function now() {
  return JSON.stringify(editor?.read());
}

async function othersSaved() {
  if (!conflict.hidden) return;
  if (now() === untouched) {
    show(await settings.load());
    tell("Somebody else has just changed them.");
  } else {
    tell("Somebody else has saved other settings meanwhile. Saving shows you both.");
  }
}

/** @param {string} text */
function tell(text) {
  done.textContent = text;
}

form.addEventListener("input", () => tell(""));
form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  void once(save, () => submit());
});

/** @param {{etag: string}} [over] a version that is overwritten knowingly */
async function submit(over) {
  if (!editor) return;
  const { document, faults } = editor.read();
  tell("");
  if (faults.length > 0) {
    refuse(faults);
    return;
  }
  showWaiting(result, "Saving…");
  try {
    show(await settings.save(document, over));
    clear(result);
    tell("Saved.");
  } catch (error) {
    failed(error, document);
  }
}

/** @param {any} error @param {Document} mine */
function failed(error, mine) {
  clear(result);
  if (error.code === "settings_conflict") {
    const { settings: theirs, etag } = error.current;
    showConflict(conflict, { mine, theirs, schema }, async (choice) => {
      if (choice === "mine") await submit({ etag });
      else show(await settings.load());
      if (conflict.hidden) save.focus();
    });
  } else if (error.errors) {
    refuse(error.errors);
  } else {
    showFailure(result, inWords(error, "save the settings"));
  }
}

/** @param {Fault[]} faults */
function refuse(faults) {
  const elsewhere = editor?.complain(faults) ?? faults;
  const list = elsewhere.map(({ pointer, problem }) => [pointer, problem].filter(Boolean).join(": "));
  const title = "Not saved yet";
  showFailure(result, { title, text: "Something has to be put right.", list, code: "" });
  const wrong = /** @type {HTMLElement | null} */ (fields.querySelector("[aria-invalid=true]"));
  wrong?.focus();
}

/** @param {any} error @param {string} doing */
function inWords(error, doing) {
  if (error instanceof ApiError) return explain(error, { doing });
  const unreachable = error.reason === "unreachable";
  const { status, message: detail, requestId, title = "" } = error;
  const code = unreachable ? "no_connection" : error.reason;
  const source = unreachable ? "network" : "hearth";
  return explain(new ApiError({ source, status, code, title, detail, requestId }), { doing });
}
