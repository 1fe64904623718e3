import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { HttpError } from "@hivematrix/lib/http_error";
import type { OwnHandler } from "./own_request.ts";

/** The platform's public files, read once at start. */
export interface StaticFiles {
  /** The address whose content never changes: `/static/global.<hash>.css`. */
  url(name: string): string;
  /** GET /static/*, for everyone. */
  readonly answer: OwnHandler;
}

const mediaTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

interface StaticFile {
  readonly content: Buffer;
  readonly mediaType: string;
  readonly hash: string;
}

/**
 * Each file has two addresses: the hashed one may be kept for ever, the plain one (for pages that
 * cannot know the hash, such as the identity provider's) is asked about again by ETag.
 */
export function readStaticFiles(folder: string): StaticFiles {
  const files = new Map<string, StaticFile>();
  const hashed = new Map<string, StaticFile>();
  for (const name of readdirSync(folder)) {
    const extension = extname(name);
    const mediaType = mediaTypes[extension];
    if (mediaType === undefined) continue;
    const content = readFileSync(join(folder, name));
    const hash = createHash("sha256").update(content).digest("base64url").slice(0, 16);
    const file = { content, mediaType, hash };
    files.set(name, file);
    hashed.set(hashedName(name, hash), file);
  }
  return {
    url(name) {
      const file = files.get(name);
      if (file === undefined) throw new Error(`Cannot link "${name}": no such static file`);
      return `/static/${hashedName(name, file.hash)}`;
    },
    answer({ method, target, headers }) {
      if (method !== "GET" && method !== "HEAD") {
        throw new HttpError(405, "Static files can only be read", {
          headers: { allow: "GET, HEAD" },
        });
      }
      const name = target.path.slice("/static/".length);
      const immutable = hashed.get(name);
      const file = immutable ?? files.get(name);
      if (file === undefined) throw new HttpError(404, `There is no page at ${target.path}`);
      const etag = `"${file.hash}"`;
      const caching = {
        etag,
        "cache-control":
          immutable === undefined ? "public, no-cache" : "public, max-age=31536000, immutable",
      };
      if (headers["if-none-match"]?.split(/\s*,\s*/).includes(etag)) {
        return new Response(null, { status: 304, headers: caching });
      }
      return new Response(new Uint8Array(file.content), {
        headers: {
          ...caching,
          "content-type": file.mediaType,
          "content-length": String(file.content.length),
        },
      });
    },
  };
}

function hashedName(name: string, hash: string): string {
  const extension = extname(name);
  return `${name.slice(0, -extension.length)}.${hash}${extension}`;
}
