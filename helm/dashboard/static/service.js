// Renews the plots of one service's page and goes on with its log. Without this script both are as
// they were when the page was loaded.
import { listen } from "./live_events.js";

const renewEveryMs = 15_000;
const maxLines = 1000;

const figures = document.querySelector("[data-figures-url]");
setInterval(renewFigures, renewEveryMs);
document.addEventListener("visibilitychange", renewFigures);

async function renewFigures() {
  if (document.hidden) return;
  const response = await fetch(figures.dataset.figuresUrl).catch(() => undefined);
  // The session has ended, or Helm is away: what is there stays, and the next time is soon.
  if (!response?.ok) return;
  const { body } = new DOMParser().parseFromString(await response.text(), "text/html");
  // Whoever has the keyboard in there keeps it.
  if (!figures.contains(document.activeElement)) figures.replaceChildren(...body.childNodes);
}

const log = document.querySelector("[data-log-events-url]");
const lines = log.querySelector("[data-log-lines]");
const note = log.querySelector("[data-log-note]");
const button = log.querySelector("[data-log-follow]");
let stop = () => {};
let isPaused = false;
let isLost = false;

button.hidden = false;
button.addEventListener("click", () => {
  isPaused = !isPaused;
  button.setAttribute("aria-pressed", String(isPaused));
  follow();
});
document.addEventListener("visibilitychange", follow);
lines.scrollTop = lines.scrollHeight;
follow();

function follow() {
  stop();
  stop = () => {};
  isLost = false;
  say(isPaused ? "Paused: what is written meanwhile is not shown." : "");
  if (isPaused || document.hidden) return;
  const listeners = {
    line: (data) => addLine(JSON.parse(data)),
    skipped: (data) => addText(`… lines left out: ${data} …`),
  };
  stop = listen(log.dataset.logEventsUrl, listeners, showConnection);
}

function showConnection(isLive) {
  if (isLive && isLost) addText("… Helm was away: a reload shows the lines of that time …");
  isLost = !isLive;
  say(isLive ? "New lines appear by themselves." : "Waiting for Helm to go on with the log …");
}

/** As the lines are that the page came with. */
function addLine({ time, level, text }) {
  addText(`${time.slice(11, 19)} ${level.padEnd(5)} ${text}`);
}

function addText(text) {
  const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  log.querySelector("[data-log-empty]")?.remove();
  lines.hidden = false;
  lines.append(lines.childNodes.length > 0 ? `\n${text}` : text);
  // The page's own lines are one node.
  while (lines.childNodes.length > maxLines) lines.firstChild.remove();
  if (isAtEnd) lines.scrollTop = lines.scrollHeight;
}

function say(text) {
  note.textContent = text;
}
