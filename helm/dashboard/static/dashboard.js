// Keeps the services' state true without a reload. Without this script the pages work all the same.
const place = document.querySelector("[data-events-url]");
let events;

// Only a page that is looked at listens: a browser has six connections for all tabs together.
document.addEventListener("visibilitychange", follow);
follow();

function follow() {
  events?.close();
  if (document.hidden) return;
  events = new EventSource(place.dataset.eventsUrl);
  events.addEventListener("services", ({ data }) => showServices(JSON.parse(data)));
  events.addEventListener("platform", ({ data }) => showPlatform(JSON.parse(data)));
}

function showServices(rows) {
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
      node.setAttribute("class", `graph__node graph__node--${row.badge}`);
      write(node.querySelector("[data-field=state]"), row.state);
    }
  }
}

function showService(element, row) {
  for (const field of element.querySelectorAll("[data-field]")) {
    write(field, row[field.dataset.field]);
  }
  element.querySelector("[data-field=state]").className = `badge badge--${row.badge}`;
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
  summary.querySelector("[role=status]").className = `alert alert--${platform.kind}`;
}

/** Only what changed: a screen reader announces every write to a live region. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
