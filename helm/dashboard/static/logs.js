// Follows the logs: new lines come on top as they are written, until one pauses. Without this script
// the page shows what the form asks for, and a reload shows what is new.
import { listen } from "./live_events.js";

const list = document.querySelector("[data-lines]");
const controls = document.querySelector("[data-follow]");
const badges = { debug: "neutral", info: "neutral", warn: "warning", error: "danger" };

/** More would make the page slow, and nobody reads back so far here. */
const maxLines = 500;

if (controls !== null) startFollowing(controls);

function startFollowing(element) {
  const button = element.querySelector("[data-follow-button]");
  const label = button.querySelector(".btn__label");
  const state = element.querySelector("[data-follow-state]");
  let stop;
  let lostAt;
  element.hidden = false;
  button.addEventListener("click", () => {
    if (stop === undefined) follow();
    else pause();
  });

  function follow() {
    const listeners = {
      line: (data) => add(JSON.parse(data)),
      skipped: (data) => addNote(`Lines left out here: ${data}`),
    };
    stop = listen(list.dataset.eventsUrl, listeners, showConnection);
    show("Pause", true);
  }

  function pause() {
    stop();
    stop = undefined;
    lostAt = undefined;
    say("Paused");
    show("Follow", false);
  }

  function showConnection(isLive) {
    say(isLive ? "Following" : "Connecting …");
    if (!isLive) lostAt ??= new Date();
    else if (lostAt !== undefined) {
      const [from, to] = [lostAt, new Date()].map((time) => time.toISOString().slice(11, 19));
      addNote(`Not connected from ${from} to ${to} UTC: a reload shows the lines of that time`);
      lostAt = undefined;
    }
  }

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function show(text, isPressed) {
    label.textContent = text;
    button.setAttribute("aria-pressed", String(isPressed));
  }
}

function add({ time, level, service, requestId, text }) {
  const head = make("span", "log__head");
  const at = make("time", "log__time", time.slice(0, 23).replace("T", " "));
  at.dateTime = time;
  const parts = [at, make("span", `badge badge--${badges[level]}`, level)];
  parts.push(make("span", "log__service", service));
  if (requestId !== undefined) parts.push(requestLink(requestId));
  for (const part of parts) head.append(part, " ");
  put(head, make("span", "log__text", text));
}

function addNote(text) {
  put(make("span", "log__text", text));
}

function put(...parts) {
  const line = make("li", "log__line");
  line.append(...parts);
  list.prepend(line);
  document.querySelector("[data-empty]")?.remove();
  while (list.children.length > maxLines) list.lastElementChild.remove();
}

function requestLink(id) {
  const link = make("a", "log__request", id);
  link.href = list.dataset.traceUrl + encodeURIComponent(id);
  link.prepend(make("span", "visually-hidden", "Request "));
  return link;
}

/** As text only: nothing that a service has logged becomes markup. */
function make(name, className, text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}
