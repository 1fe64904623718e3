import type { UserContext } from "@hivematrix/lib/auth";
import type { Views } from "@hivematrix/lib/views";
import { askCoreAsUser } from "../control/ask_core.ts";
import { listSessionsOf } from "../control/core_sessions.ts";
import type { Platform } from "../control/platform.ts";
import type { InstallManager } from "../install/install_manager.ts";
import type { Notices } from "./notices.ts";
import { asHttpError } from "./session_trouble.ts";

export interface AppPagesParts {
  readonly platform: Pick<Platform, "config" | "status">;
  readonly installs: InstallManager;
  readonly views: Views;
  readonly notices: Notices;
  /** Ends the streams, which would last for as long as an operation. */
  readonly closing: AbortSignal;
}

/**
 * To install an app is to run somebody's program here, so a token alone is not enough: Core is asked
 * whether the session behind it lives on (R9, R23).
 */
export async function requireLiveSession(
  { platform }: Pick<AppPagesParts, "platform">,
  { caller }: UserContext,
): Promise<void> {
  try {
    await listSessionsOf(askCoreAsUser(platform.config, caller.token), caller.user.sub);
  } catch (error) {
    throw asHttpError(error);
  }
}

/** What an app's line needs beside the registry. */
export async function readAround({ platform }: Pick<AppPagesParts, "platform">) {
  const { services } = await platform.status();
  return { config: platform.config, services };
}
