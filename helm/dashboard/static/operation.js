// Shows what an operation says as it says it. Without this script the page is reloaded by hand.
const output = document.querySelector("[data-events-url]");
const events = new EventSource(output.dataset.eventsUrl);
document.querySelector("[data-reload]")?.remove();

events.addEventListener("lines", ({ data }) => {
  const isAtEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
  output.append(`${output.textContent === "" ? "" : "\n"}${JSON.parse(data).join("\n")}`);
  if (isAtEnd) output.scrollTop = output.scrollHeight;
});

// The server says best how it ended.
events.addEventListener("end", () => {
  events.close();
  location.reload();
});
