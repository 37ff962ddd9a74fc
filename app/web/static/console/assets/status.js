// The live picture: asks for the key where the tab has none, then looks every two seconds.

import { drawCharts } from "/console/assets/charts.js";
import { showFigures } from "/console/assets/figures.js";
import { forgetKey, keepKey, keptKey } from "/console/assets/key.js";

const EVERY_MILLISECONDS = 2_000;
const PATIENCE_MILLISECONDS = 8_000;

const ask = document.getElementById("ask");
const picture = document.getElementById("picture");
const refused = document.getElementById("refused");
const trouble = document.getElementById("trouble");
const forget = document.getElementById("forget");

let looking = 0; // grows whenever the key changes; whoever looked with the former one is done
let seen = null;

class Refused extends Error {}

async function read(path, secret) {
  const answer = await fetch(path, {
    headers: { authorization: `Bearer ${secret}` },
    signal: AbortSignal.timeout(PATIENCE_MILLISECONDS),
  });
  if (answer.status === 401) {
    throw new Refused("There is no such key. Was it copied as a whole?");
  }
  if (answer.status === 403) {
    throw new Refused((await answer.json()).detail);
  }
  return answer.ok ? answer.json() : null;
}

async function look(secret) {
  const own = looking;
  try {
    const [now, fleet] = await Promise.all([
      read("/admin/picture", secret),
      read("/admin/refresher", secret), // null while the database is away
    ]);
    if (own !== looking) {
      return;
    }
    if (now === null) {
      throw new Error("no picture");
    }
    seen = { now, fleet: fleet ?? seen?.fleet ?? null, at: Date.now() };
    show(fleet === null ? "The database is away: the refreshers are shown as they were." : "");
  } catch (error) {
    if (own !== looking) {
      return;
    }
    if (error instanceof Refused) {
      forgetKey();
      askForKey(error.message);
      return;
    }
    show("Hearth does not answer. What you see is how it was.");
  }
  setTimeout(() => own === looking && look(secret), EVERY_MILLISECONDS);
}

function show(complaint) {
  trouble.textContent = complaint;
  trouble.hidden = complaint === "";
  ask.hidden = true;
  forget.hidden = false;
  if (seen !== null) {
    picture.hidden = false;
    showFigures(seen);
    drawCharts(seen.now);
  }
  document.body.dataset.state = complaint === "" ? "live" : "troubled";
}

function askForKey(complaint) {
  looking += 1;
  seen = null;
  picture.hidden = true;
  forget.hidden = true;
  ask.hidden = false;
  refused.textContent = complaint;
  refused.hidden = complaint === "";
  document.body.dataset.state = "asking";
  document.getElementById("key").focus();
}

function begin(secret) {
  looking += 1;
  look(secret);
}

ask.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("key");
  const secret = field.value.trim();
  if (secret !== "" && /^[\x21-\x7e]+$/.test(secret)) {
    field.value = "";
    keepKey(secret);
    begin(secret);
  } else {
    askForKey("A key has no blanks and no letters beyond ASCII.");
  }
});

forget.addEventListener("click", () => {
  forgetKey();
  askForKey("");
});

const kept = keptKey();
if (kept === null) {
  askForKey("");
} else {
  begin(kept);
}
