/**
 * Goes on where the callback could not complete a sign-in by a cookie alone. What the server
 * knows of the flow stands on <body>; what this very frame knows came along in the fragment.
 */

import {
  beginInPage,
  findFlow,
  forgetFlow,
  HearthError,
  keepHandover,
  post,
  readFragment,
  storageWorks,
  writeFragment,
} from "../../embed.js";
import { byId } from "./dom.js";

const { outcome = "", surface = "", frontEnd = "", entry = "" } = document.body.dataset;
const answer = new URLSearchParams(location.search);
const code = answer.get("code") ?? "";
const state = answer.get("state") ?? "";
const arrived = readFragment(location.hash);

// Neither code nor state stays in sight, and a reload begins anew.
history.replaceState(null, "", entry || location.pathname);

const ways = { choose, page: completeInPage, wrong_browser: retryInPage };

try {
  await ways[/** @type {keyof typeof ways} */ (outcome)]();
} catch (error) {
  showFailure(error);
}

/** Several loads with one state are under way in this browser; we know which of them we are. */
async function choose() {
  if (arrived.tried || findFlow(arrived.flow, state)) return completeInPage();
  const flow = arrived.flow || undefined;
  const { location: landing } = await post("/oauth/complete", { code, state, flow });
  location.replace(landing + writeFragment(arrived.params, {}));
}

/** A page keeps the proof: we, or a front end whose address one of us knows. */
async function completeInPage() {
  const kept = findFlow(arrived.flow, state);
  // With a flow and no attempt this is a load by the entry, and the front end another frame's.
  const target = kept ? kept.frontEnd : arrived.tried || !arrived.ours ? frontEnd : "";
  if (target && !framed()) {
    showWhy(); // whoever opened this window may have chosen where the code would go
  } else if (target) {
    const { flow, params } = arrived;
    location.replace(target + writeFragment(params, { flow, try: "page", code, state }));
  } else if (kept) {
    forgetFlow(kept.flow);
    const proof = { code, state, codeVerifier: kept.verifier };
    const { location: landing, handoverCode } = await post("/oauth/complete", proof);
    keepHandover(kept.flow, handoverCode);
    location.replace(landing + writeFragment(arrived.params, { flow: kept.flow }));
  } else if (arrived.flow) {
    await retryInPage();
  } else {
    showWhy();
  }
}

/** The browser brought no cookie that fits: once, try it with the proof in this page. */
async function retryInPage() {
  if (!framed() || arrived.tried || !surface || !storageWorks()) {
    showWhy();
    return;
  }
  const params = arrived.params ?? new URL(entry, location.origin).searchParams;
  await beginInPage({ surface, state, params: [...params] });
}

function showWhy() {
  if (framed()) show(entry ? "new-tab" : "reload");
  else show(keepsNothing() ? "blocked" : "elsewhere");
}

/** @param {unknown} error */
function showFailure(error) {
  show("failed");
  const known = error instanceof HearthError ? error : null;
  const small = known ? [known.reason, known.requestId && `request ${known.requestId}`] : [];
  part("[data-why]").textContent = known?.message ?? "Something went wrong on this page.";
  part(".code").textContent = small.filter(Boolean).join(" · ");
}

/** @param {string} name of the words that take the place of what is shown */
function show(name) {
  const words = byId(name).content.cloneNode(true);
  for (const link of words.querySelectorAll("[data-again]")) {
    if (entry) link.href = entry;
    else link.parentElement.remove();
  }
  for (const host of words.querySelectorAll("[data-host]")) host.textContent = location.host;
  document.title = words.querySelector("h1").textContent;
  part("").replaceChildren(part("img"), words, part(".code"));
  delete document.body.dataset.working;
}

/** @param {string} selector @returns {any} a part of the card, or the card */
function part(selector) {
  return document.querySelector(`main ${selector}`);
}

function framed() {
  return window.top !== window;
}

function keepsNothing() {
  const name = "__Host-hearth-test";
  const attributes = "Path=/; Secure; SameSite=None; Partitioned";
  document.cookie = `${name}=1; Max-Age=60; ${attributes}`;
  const kept = document.cookie.includes(`${name}=1`);
  document.cookie = `${name}=; Max-Age=0; ${attributes}`;
  return !kept;
}
