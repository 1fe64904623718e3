import type { UserContext } from "@hivematrix/lib/auth";
import { adminPlace } from "../config/admin_place.ts";
import { askCoreAsUser } from "../control/ask_core.ts";
import { createPeople, type People } from "../control/people.ts";
import type { Platform } from "../control/platform.ts";
import { createIdentityAdmin, type IdentityAdmin } from "../keycloak/admin_client.ts";

/** Helm's way to users and groups, kept as long as its settings stay the same. */
export class IdentityConnection {
  readonly #platform: Pick<Platform, "config">;
  #open: { readonly settings: string; readonly admin: IdentityAdmin } | undefined;

  constructor(platform: Pick<Platform, "config">) {
    this.#platform = platform;
  }

  /**
   * @param caller who changes something: Core is asked with their own token
   * @throws {Error} in an installation without a secret for it
   */
  peopleFor({ token }: UserContext["caller"]): People {
    const { config } = this.#platform;
    return createPeople({ admin: this.#admin(), askCore: askCoreAsUser(config, token) });
  }

  close(): void {
    void this.#open?.admin.close();
    this.#open = undefined;
  }

  #admin(): IdentityAdmin {
    const place = adminPlace(this.#platform.config);
    const settings = JSON.stringify(place);
    if (this.#open?.settings !== settings) {
      this.close();
      this.#open = { settings, admin: createIdentityAdmin(place) };
    }
    return this.#open.admin;
  }
}
