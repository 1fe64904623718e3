// Follows the logs: new lines come on top as they are written, until one pauses. Without this script
// the page shows what the form asks for, and a reload shows what is new.
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
  let events;
  element.hidden = false;
  button.addEventListener("click", () => {
    if (events === undefined) follow();
    else pause();
  });

  function follow() {
    events = new EventSource(list.dataset.eventsUrl);
    events.addEventListener("open", () => say("Following"));
    events.addEventListener("error", () => say("Connecting …"));
    events.addEventListener("line", ({ data }) => add(JSON.parse(data)));
    events.addEventListener("skipped", ({ data }) => addNote(`${data} lines left out here`));
    show("Pause", true);
  }

  function pause() {
    events.close();
    events = undefined;
    say("Paused");
    show("Follow", false);
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
