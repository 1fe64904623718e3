// Which service is calling, proved by HTTP Basic with the service's own secret. The configuration
// holds hashes only, so reading core.conf does not let anyone pose as a service.
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { type Conf, parseConf } from "@hivematrix/lib/conf_file";
import { HttpError } from "@hivematrix/lib/http_error";

export interface ServiceCredentials {
  /**
   * The service whose credential this is; `undefined` without one.
   *
   * @param authorization the Authorization header
   * @throws {HttpError} 401 when it is wrong, 503 while the credentials cannot be read
   */
  authenticate(authorization: string | null): string | undefined;
  /** Whether a service may call without a credential, as clients of the original platform do. */
  isLegacy(service: string): boolean;
}

/** @param file core.conf with `[service_secrets]` and `[legacy_service_token]`; read again when it changes */
export function createServiceCredentials(file: string): ServiceCredentials {
  let conf: Conf = new Map();
  let stamp: string | undefined;
  const section = (name: string) => {
    try {
      const newStamp = readStamp(file);
      if (newStamp !== stamp) {
        conf = newStamp === "" ? new Map() : parseConf(readFileSync(file, "utf8"));
        stamp = newStamp;
      }
    } catch (error) {
      // A secret that was taken out of the file must not go on working because the file is broken.
      throw new HttpError(503, "Service credentials cannot be checked at the moment", {
        cause: error,
        headers: { "retry-after": "2" },
      });
    }
    return conf.get(name);
  };
  return {
    authenticate(authorization) {
      if (authorization === null) return undefined;
      const { service, secret } = readBasic(authorization);
      const expected = readHash(section("service_secrets")?.get(service));
      const actual = createHash("sha256").update(secret).digest();
      // The same work for an unknown service, so that time tells nothing about names either.
      if (timingSafeEqual(actual, expected ?? impossibleHash) && expected !== undefined) {
        return service;
      }
      throw unauthenticated("the service's credential is wrong");
    },
    isLegacy: (service) => section("legacy_service_token")?.get(service) === "true",
  };
}

/** 401 with the challenge of RFC 7617 §2. */
export function unauthenticated(reason: string): HttpError {
  return new HttpError(401, `Cannot tell which service is calling: ${reason}`, {
    headers: { "www-authenticate": 'Basic realm="hivematrix", charset="UTF-8"' },
  });
}

const impossibleHash = Buffer.alloc(32);

function readBasic(authorization: string): { service: string; secret: string } {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization)?.[1] ?? "";
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 1) throw unauthenticated("the Authorization header is not Basic <service>:<secret>");
  return { service: decoded.slice(0, colon), secret: decoded.slice(colon + 1) };
}

function readHash(text: string | undefined): Buffer | undefined {
  const hex = /^sha256:([0-9a-f]{64})$/i.exec(text ?? "")?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, "hex");
}

/** Changes whenever the file does; empty without a file. */
function readStamp(file: string): string {
  try {
    const { mtimeNs, size, ino } = statSync(file, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
