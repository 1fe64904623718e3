// Keeps the services' state true without a reload. Without this script the pages work all the same.
import { listen } from "./live_events.js";

const place = document.querySelector("[data-events-url]");
const note = document.querySelector("[data-live-note]");

/** News come every three seconds. */
const silenceMs = 8000;

let stop = () => {};
let timer;
let shownAt = new Date();

// Only a page that is looked at listens: a browser has six connections for all tabs together.
document.addEventListener("visibilitychange", follow);
follow();

function follow() {
  stop();
  stop = () => {};
  clearTimeout(timer);
  if (document.hidden) return;
  awaitNews();
  stop = listen(place.dataset.eventsUrl, {
    services: (data) => showServices(JSON.parse(data)),
    platform: (data) => showPlatform(JSON.parse(data)),
  });
}

/** What is old is not taken for what is: after a while without news the page says so. */
function awaitNews() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const time = shownAt.toISOString().slice(11, 19);
    const text = document.createElement("p");
    text.textContent = `No news from Helm just now: what is shown here is of ${time} UTC.`;
    const alert = document.createElement("div");
    alert.className = "alert alert--warning";
    alert.append(text);
    note.replaceChildren(alert);
  }, silenceMs);
}

function takeNews() {
  shownAt = new Date();
  note.replaceChildren();
  awaitNews();
}

function showServices(rows) {
  takeNews();
  const shown = new Map(
    [...place.querySelectorAll("[data-service]")].map((row) => [row.dataset.service, row]),
  );
  const isAll = place.hasAttribute("data-all-services");
  // A service that came or went changes the table itself, which the server renders.
  if (isAll && (rows.length !== shown.size || rows.some(({ name }) => !shown.has(name)))) {
    location.reload();
    return;
  }
  for (const row of rows) {
    const element = shown.get(row.name);
    if (element !== undefined) showService(element, row);
    for (const node of document.querySelectorAll(`[data-node="${CSS.escape(row.name)}"]`)) {
      setClass(node, `graph__node graph__node--${row.badge}`);
      write(node.querySelector("[data-field=state]"), row.state);
    }
  }
}

function showService(element, row) {
  for (const field of element.querySelectorAll("[data-field]")) {
    write(field, row[field.dataset.field]);
  }
  setClass(element.querySelector("[data-field=state]"), `badge badge--${row.badge}`);
  for (const form of element.querySelectorAll("[data-action]")) {
    form.hidden = !row[`can_${form.dataset.action}`];
  }
}

function showPlatform(platform) {
  const summary = document.querySelector("[data-platform]");
  if (summary === null) return;
  for (const field of summary.querySelectorAll("[data-field]")) {
    write(field, platform[field.dataset.field]);
  }
  setClass(summary.querySelector("[role=status]"), `alert alert--${platform.kind}`);
}

/** Only what changed: a screen reader announces every write to a live region. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setClass(element, value) {
  if (element.getAttribute("class") !== value) element.setAttribute("class", value);
}
