// The control panel: shows the sandbox's state each second, and steers it by the control API.

const byId = (id) => document.getElementById(id);
const COUNTERS = {
  exchanges: "exchanges",
  refreshes: "refreshes",
  refusals: "refusals",
  apiCalls: "API calls",
  faults: "faults",
};
let faults = [];
let settingsShown = "";

async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const content = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(explain(content));
  return content;
}

function explain(problem) {
  if (!Array.isArray(problem?.detail)) return String(problem?.detail ?? "That did not work.");
  return problem.detail
    .map(({ loc, msg }) => {
      const field = typeof loc.at(-1) === "string" ? `${loc.at(-1)}: ` : "";
      return field + msg.replace("Value error, ", "");
    })
    .join("; ");
}

async function steer(method, path, body) {
  let answer = null;
  try {
    answer = await call(method, path, body);
    say("");
  } catch (error) {
    say(error.message);
  }
  await refresh();
  return answer;
}

function say(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

function el(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// Rows are kept and updated: one that is replaced each second cannot be clicked or focused.
function fill(list, items, { keyOf, make, emptyText }) {
  const known = list.rows ?? new Map();
  list.rows = new Map();
  items.forEach((item, index) => {
    const key = keyOf(item, index);
    const row = known.get(key) ?? make(item, key);
    row.update?.(item);
    list.rows.set(key, row);
  });
  const rows = [...list.rows.values()];
  if (!rows.length) rows.push(el("li", "none", emptyText));
  const same = rows.length === list.children.length;
  if (!same || rows.some((row, index) => row !== list.children[index])) {
    list.replaceChildren(...rows);
  }
}

function linkButton(text, action) {
  const button = el("button", "", text);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

// What is shown

function showState(state) {
  const ahead = state.clock.advancedSeconds;
  byId("clock").textContent =
    `${state.clock.now.slice(0, 19).replace("T", " ")} UTC` +
    (ahead ? ` · ${ahead.toLocaleString("en")} s ahead` : "");
  byId("counters").replaceChildren(
    ...Object.entries(COUNTERS).map(([key, label]) =>
      el("div", "", el("dt", "", label), el("dd", "", state.counters[key].toLocaleString("en"))),
    ),
  );
  byId("token-count").textContent = state.liveTokens || "";
  showSettings(state.settings);
  showApps(state.apps);
  faults = state.faults;
  fill(byId("faults"), faults, {
    keyOf: faultKey,
    make: faultRow,
    emptyText: "No faults: everything works.",
  });
}

// The server lists the apps in several places of this page.
function showApps(apps) {
  const listed = [...document.querySelectorAll(".app[id]")].map(({ id }) => id);
  if (listed.join() !== apps.map(({ appId }) => `app-${appId}`).join()) location.reload();
}

function showSettings(settings) {
  const text = JSON.stringify(settings);
  if (text === settingsShown) return; // leave alone what somebody is typing
  settingsShown = text;
  for (const [name, value] of Object.entries(settings)) {
    const input = byId("settings").elements[name];
    if (input.type === "checkbox") input.checked = value;
    else input.value = value;
  }
}

function faultKey({ struck, left, ...order }, index) {
  return `${index} ${JSON.stringify(order)}`;
}

function faultRow(fault, key) {
  const notes = [];
  if (fault.rate < 1) notes.push(`${+(fault.rate * 100).toFixed(2)} %`);
  if (fault.delaySeconds) notes.push(`after ${fault.delaySeconds} s`);
  if (fault.retryAfter !== undefined) notes.push(`Retry-After ${fault.retryAfter}`);
  if (fault.status) notes.push(`status ${fault.status}`);
  const struck = el("span", "num");
  const row = el(
    "li",
    "",
    el("span", "grow", `${fault.kind} on ${fault.target}`, el("small", "", notes.join(" · "))),
    struck,
    linkButton("Remove", () => orderFaults(faults.filter((f, i) => faultKey(f, i) !== key))),
  );
  row.update = (now) => {
    const left = now.left === null ? "" : `, ${now.left} left`;
    struck.textContent = `struck ${now.struck}${left}`;
  };
  return row;
}

function tokenRow(token) {
  const bar = el("i");
  const left = el("span", "num");
  const row = el(
    "li",
    "",
    el("span", "grow", token.user),
    el("span", "num mono", `…${token.token}`),
    el("span", "num", `renewed ${token.renewals}×`),
    el("span", "life", bar),
    left,
    linkButton("Revoke", () =>
      steer("POST", "/_sandbox/tokens/revoke", { userKey: token.userKey }),
    ),
  );
  row.update = ({ secondsLeft }) => {
    const life = byId("settings").elements.tokenLifetimeSeconds.value || 60;
    bar.style.width = `${Math.max(0, Math.min(100, (100 * secondsLeft) / life))}%`;
    left.textContent = `${Math.max(0, secondsLeft).toFixed(0)} s`;
  };
  return row;
}

function logRow(entry) {
  const whose = [entry.user, entry.token && `…${entry.token}`].filter(Boolean).join(" ");
  return el(
    "li",
    "",
    el("time", "", entry.time.slice(11, 19)),
    el("span", `kind kind-${entry.kind}`, entry.kind),
    el("span", "what", entry.outcome),
    el("span", "who-did", whose),
  );
}

function messageRow(sms) {
  return el(
    "li",
    "",
    el("span", "grow", sms.text, el("small", "", `from ${sms.from}`)),
    el("span", "num", sms.to),
    el("span", "num", sms.sentAt.slice(11, 19)),
  );
}

async function refresh() {
  try {
    const [state, tokens, log, messages] = await Promise.all([
      call("GET", "/_sandbox/state"),
      call("GET", "/_sandbox/tokens?limit=20"),
      call("GET", "/_sandbox/log?limit=200"),
      call("GET", "/_sandbox/messages?limit=20"),
    ]);
    showState(state);
    fill(byId("tokens"), tokens, {
      keyOf: ({ token, userKey, renewals }) => `${token} ${userKey} ${renewals}`,
      make: tokenRow,
      emptyText: "None is alive.",
    });
    fill(byId("log"), log, {
      keyOf: ({ number, time }) => `${number} ${time}`,
      make: logRow,
      emptyText: "Nothing yet.",
    });
    fill(byId("messages"), messages, {
      keyOf: ({ messageId }) => messageId,
      make: messageRow,
      emptyText: "None was sent.",
    });
  } catch {
    byId("clock").textContent = "The sandbox does not answer.";
  }
}

// What can be done

function orderFaults(wanted) {
  const orders = wanted.map(({ struck, left, ...order }) =>
    left === undefined || left === null ? order : { ...order, times: left },
  );
  return steer("PUT", "/_sandbox/faults", orders.filter((order) => order.times !== 0));
}

function numbers(form, names) {
  const entries = names.map((name) => [name, form.elements[name].value]);
  return Object.fromEntries(
    entries.filter(([, value]) => value !== "").map(([name, value]) => [name, Number(value)]),
  );
}

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  settingsShown = "";
  steer("PATCH", "/_sandbox/settings", {
    ...numbers(form, [
      "tokenLifetimeSeconds",
      "codeLifetimeSeconds",
      "latencySeconds",
      "latencyJitterSeconds",
    ]),
    refreshMode: form.elements.refreshMode.value,
    responseStyle: form.elements.responseStyle.value,
    declineBehaviour: form.elements.declineBehaviour.value,
    expiresIn: form.elements.expiresIn.checked,
  });
});

byId("fault").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const { rate, ...rest } = numbers(form, ["rate", "times", "delaySeconds", "retryAfter"]);
  const order = { target: form.elements.target.value, kind: form.elements.kind.value };
  orderFaults([...faults, { ...order, rate: rate / 100, ...rest }]);
});

// The fields that were filled in, under their names.
function texts(form, names) {
  const entries = names.map((name) => [name, form.elements[name].value]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

byId("signed-call").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  byId("answer").hidden = true;
  const answer = await steer("POST", "/_sandbox/signed-calls", {
    ...texts(form, ["url", "method", "body", "form", "appId", "accountKey", "tamper"]),
    ...numbers(form, ["timestampOffsetSeconds"]),
  });
  button.disabled = false;
  if (answer) showAnswer(answer);
});

function showAnswer({ status, contentType, body, truncated }) {
  const [line, text] = byId("answer").children;
  line.textContent = [status, contentType, truncated && "cut"].filter(Boolean).join(" · ");
  text.textContent = body;
  byId("answer").hidden = false;
}

byId("app").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  try {
    const app = await call("POST", "/_sandbox/apps", {
      ...texts(form, ["name", "redirectUri", "cardUrl", "settingsUrl"]),
      public: form.elements.public.checked,
    });
    location.hash = `app-${app.appId}`;
    location.reload();
  } catch (error) {
    say(error.message);
  }
});

// An app that was just registered is shown with its credentials.
const named = location.hash && byId(location.hash.slice(1));
if (named) {
  named.open = true;
  named.scrollIntoView({ block: "center" });
}

byId("clear-faults").addEventListener("click", () => steer("DELETE", "/_sandbox/faults"));

for (const button of document.querySelectorAll("[data-post]")) {
  button.addEventListener("click", () =>
    steer("POST", button.dataset.post, JSON.parse(button.dataset.body)),
  );
}
for (const button of document.querySelectorAll("[data-fault]")) {
  button.addEventListener("click", () =>
    orderFaults([...faults, JSON.parse(button.dataset.fault)]),
  );
}

refresh();
setInterval(() => document.hidden || refresh(), 1000);
