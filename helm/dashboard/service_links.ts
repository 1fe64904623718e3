import type { Context } from "@hivematrix/lib/router";

/** Where a service's page is and where its forms lead, for the views. */
export function serviceLinks(name: string, link: Context["link"]) {
  const base = `/services/${encodeURIComponent(name)}`;
  return {
    page_url: link(base),
    start_url: link(`${base}/start`),
    stop_url: link(`${base}/stop`),
    restart_url: link(`${base}/restart`),
  };
}
