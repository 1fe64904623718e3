import { type Auth, createAuth } from "@hivematrix/lib/auth";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import type { MasterConfig } from "../config/master_config.ts";
import { backendUrl } from "../config/public_origin.ts";

/** Who calls Helm, by the tokens that Core has signed. */
export function createHelmAuth(config: MasterConfig): Auth {
  const coreUrl = backendUrl(config, "core");
  const { jwt_issuer: issuer } = config.system;
  return createAuth(createTokenVerifier({ coreUrl, service: "helm", issuer }));
}
