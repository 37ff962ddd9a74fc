// The picture in figures and words.

const CAUSES = {
  refused: "refused by Infobip",
  client_refused: "our client was refused",
  unreachable: "Infobip not reachable",
  timed_out: "no answer in time",
  throttled: "throttled",
  server_error: "errors at Infobip",
  unintelligible: "unreadable answers",
  not_renewed: "nobody renewed it",
  too_late: "we were too late",
  let_go: "let go, beyond the ceiling",
};
const INFOBIP = {
  answering: ["Answering", "good", "renews tokens without a failure"],
  troubled: ["Troubled", "warn", "some attempts fail"],
  silent: ["Failing", "bad", "every attempt fails"],
  unknown: ["Not asked", "", "no renewal in the last minute"],
};
const GONE_AFTER_SECONDS = 10;

const number = new Intl.NumberFormat("en");

export function showFigures({ now, fleet, at }) {
  const last = now.moments.at(-1) ?? null;
  put("live", count(last?.liveConnections));
  put("live-note", now.connections ? `of ${count(now.connections.active)} active` : "");
  put("lost", count(now.connections?.lost));
  showLeast(last?.leastSecondsLeft ?? null, now.tokenLifeSeconds);
  showWord("database", now.database ? ["In touch", "good", ""] : ["Away", "bad", "tokens are kept alive from memory"]);
  showWord("infobip", INFOBIP[now.infobip] ?? INFOBIP.unknown);
  showBars("left", secondsLeft(now.secondsLeft), "No renewal by this process in the last minute.");
  showBars("losses", losses(fleet), "None.");
  showReplicas(fleet);
  put("updated", `Updated ${new Date(at).toLocaleTimeString("en", { hourCycle: "h23" })}. Hearth ${now.version}.`);
}

function showLeast(least, life) {
  put("least", least === null ? "–" : `${least.toFixed(1)} s`);
  put("least-note", `of ${life} s; around ${life / 2} s all is well`);
  level("least", least !== null && least < life / 4 ? "bad" : "");
}

function showWord(id, [word, grade, note]) {
  put(id, word);
  put(`${id}-note`, note);
  level(id, grade);
}

function secondsLeft(found) {
  if (found === null) {
    return [];
  }
  const { bounds, counts } = found;
  const shown = (value) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  const bars = counts.map((many, place) => ({
    name: place < bounds.length ? `≤ ${shown(bounds[place])} s` : `> ${shown(bounds.at(-1))} s`,
    many,
  }));
  const first = bars.findIndex((bar) => bar.many > 0);
  const last = bars.findLastIndex((bar) => bar.many > 0);
  return first < 0 ? [] : bars.slice(Math.max(0, first - 1), last + 2);
}

function losses(fleet) {
  return Object.entries(fleet?.lossesOfLastHour ?? {}).map(([cause, many]) => ({
    name: CAUSES[cause] ?? cause,
    many,
  }));
}

function showBars(id, bars, otherwise) {
  const most = Math.max(1, ...bars.map((bar) => bar.many));
  const rows = bars.flatMap((bar) => [
    element("span", bar.name),
    Object.assign(document.createElement("progress"), { max: most, value: bar.many, ariaLabel: bar.name }),
    element("span", count(bar.many)),
  ]);
  const none = element("span", otherwise);
  none.className = "none";
  document.getElementById(id).replaceChildren(...(rows.length ? rows : [none]));
}

function showReplicas(fleet) {
  const replicas = fleet?.replicas ?? [];
  const latest = Math.max(0, ...replicas.map((replica) => Date.parse(replica.seenAt)));
  const rows = replicas.map((replica) => {
    const row = document.createElement("tr");
    row.toggleAttribute("data-gone", latest - Date.parse(replica.seenAt) > GONE_AFTER_SECONDS * 1_000);
    row.append(
      cell("", replica.id.slice(0, 8), replica.id),
      cell("running", since(replica.startedAt, latest)),
      cell("share", `${replica.shards} of ${fleet.shards}`),
      cell("connections", count(replica.liveConnections)),
      cell("least left", replica.leastSecondsLeft === null ? "–" : `${replica.leastSecondsLeft.toFixed(1)} s`),
      cell("waiting", count(replica.renewalsWaiting)),
      cell("unwritten", count(replica.unwrittenChanges)),
    );
    return row;
  });
  const body = document.querySelector("#replicas tbody");
  body.replaceChildren(...(rows.length ? rows : [noReplica()]));
}

function noReplica() {
  const row = document.createElement("tr");
  const only = cell("", "No refresher is running: tokens are dying.");
  only.colSpan = 7;
  only.className = "bad";
  row.append(only);
  return row;
}

function since(begun, now) {
  const seconds = Math.max(0, Math.round((now - Date.parse(begun)) / 1_000));
  if (seconds < 120) {
    return `${seconds} s`;
  }
  if (seconds < 7_200) {
    return `${Math.floor(seconds / 60)} min`;
  }
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

function cell(name, text, title = "") {
  const made = element("td", text);
  made.dataset.name = name;
  made.title = title;
  return made;
}

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

function put(id, text) {
  document.getElementById(id).textContent = text;
}

function level(id, grade) {
  document.getElementById(id).dataset.level = grade;
}

function count(many) {
  return many === null || many === undefined ? "–" : number.format(many);
}
