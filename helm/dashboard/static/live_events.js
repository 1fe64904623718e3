// Server-sent events that come back. A browser connects again by itself when a connection was cut, but
// gives up for good on any answer that is no stream (HTML Standard §9.2.3), such as the one that Nexus
// gives while Helm is away.

/** Then twice as long each time, up to the most: whose session has ended is refused for good. */
const firstAgainMs = 3000;
const mostAgainMs = 24_000;

/**
 * @param listeners what is done with the data, by the event's name
 * @param onChange called with whether there is a connection
 * @returns a function that ends it
 */
export function listen(url, listeners, onChange = () => {}) {
  let events;
  let timer;
  let againMs = firstAgainMs;
  connect();
  return () => {
    clearTimeout(timer);
    events.close();
  };

  function connect() {
    events = new EventSource(url);
    events.addEventListener("open", () => {
      againMs = firstAgainMs;
      onChange(true);
    });
    events.addEventListener("error", () => {
      onChange(false);
      if (events.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(connect, againMs);
      againMs = Math.min(againMs * 2, mostAgainMs);
    });
    for (const [name, take] of Object.entries(listeners)) {
      events.addEventListener(name, ({ data }) => take(data));
    }
  }
}
