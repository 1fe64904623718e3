import { parseServices, type ServiceEntry } from "@hivematrix/lib/service_registry";
import { readIfThere } from "../config/atomic_file.ts";
import type { Platform } from "../control/platform.ts";

/** How people come to a service, in words. */
export interface ServiceAccess {
  readonly title: string;
  readonly access: string;
  /** Where a browser opens it; `undefined` where none can. */
  readonly open_url: string | undefined;
}

/** Of those that services.json does not list, and one that it lists but Nexus does not serve. */
const others: Readonly<Record<string, Omit<ServiceAccess, "open_url">>> = {
  postgres: { title: "PostgreSQL", access: "No one: services alone, each its own database" },
  keycloak: { title: "Sign-in", access: "Everybody, for its sign-in pages" },
  core: { title: "Core", access: "No one: services alone" },
  nexus: { title: "Gateway", access: "Everybody, for the home page and to sign in" },
};

/** Title, access rule and address of a service, as services.json has them. */
export async function readAccess(
  { checkout, address }: Pick<Platform, "checkout" | "address">,
  name: string,
): Promise<ServiceAccess> {
  const known = others[name];
  const openUrl = name === "nexus" ? `${address}/` : undefined;
  if (known !== undefined) return { ...known, open_url: openUrl };
  const text = await readIfThere(checkout.servicesFile);
  const entry = text === undefined ? undefined : parseServices(text, "services.json").get(name);
  if (entry === undefined)
    return { title: name, access: "Not in services.json", open_url: openUrl };
  return {
    title: entry.title ?? name,
    access: describeAccess(entry),
    open_url: `${address}/${name}/`,
  };
}

/** Every rule that is set has to agree, so the shortest list of levels is what they come to. */
export function describeAccess(entry: Omit<ServiceEntry, "name" | "url">): string {
  const { admin_only, billing_or_admin_only, allowed_levels, visible } = entry;
  const rules = [
    ...(admin_only ? [["admin"]] : []),
    ...(billing_or_admin_only ? [["admin", "billing"]] : []),
    ...(allowed_levels === undefined ? [] : [allowed_levels as readonly string[]]),
  ];
  const [first, ...more] = rules;
  const levels = first?.filter((level) => more.every((rule) => rule.includes(level)));
  const who =
    levels === undefined
      ? "Everybody who is signed in"
      : levels.length === 0
        ? "No one: its rules contradict each other"
        : `Permission level ${levels.join(" or ")}`;
  return visible === false ? `${who}; not shown in the navigation` : who;
}
