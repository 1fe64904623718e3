// Keeps the table of services true without a reload. Without this script the page works all the same.
const table = document.querySelector("[data-events-url]");
const events = new EventSource(table.dataset.eventsUrl);

events.addEventListener("services", ({ data }) => {
  const rows = JSON.parse(data);
  const shown = new Map(
    [...table.querySelectorAll("[data-service]")].map((row) => [row.dataset.service, row]),
  );
  // A service that came or went changes the table itself, which the server renders.
  if (rows.length !== shown.size || rows.some(({ name }) => !shown.has(name))) {
    location.reload();
    return;
  }
  for (const row of rows) update(shown.get(row.name), row);
});

function update(element, row) {
  for (const field of element.querySelectorAll("[data-field]")) {
    const text = row[field.dataset.field];
    // Only what changed: a screen reader announces every write to a live region.
    if (field.textContent !== text) field.textContent = text;
  }
  element.querySelector("[data-field=state]").className = `badge badge--${row.badge}`;
  for (const form of element.querySelectorAll("[data-action]")) {
    form.hidden = !row[`can_${form.dataset.action}`];
  }
}
