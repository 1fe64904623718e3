// Shows what an operation says as it says it. Without this script the page is reloaded by hand.
import { listen } from "./live_events.js";

const output = document.querySelector("[data-events-url]");
let isLost = false;
document.querySelector("[data-reload]")?.remove();
const stop = listen(output.dataset.eventsUrl, { lines: addLines, end: reload }, (isLive) => {
  // What was said meanwhile, and whether it goes on at all, the page itself says best.
  if (isLive && isLost) reload();
  isLost = !isLive;
});

function addLines(data) {
  const isAtEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
  output.append(`${output.textContent === "" ? "" : "\n"}${JSON.parse(data).join("\n")}`);
  if (isAtEnd) output.scrollTop = output.scrollHeight;
}

function reload() {
  stop();
  location.reload();
}
