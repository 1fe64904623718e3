// nginx as a contender: plain, and as people put sign-in and a common look in front of services.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { Bench, Contender, Running } from "./contender.ts";
import { findProgram } from "./find_program.ts";
import { start, startScript, waitForPort } from "./processes.ts";

const cookie = "session=a-session";

export const nginxPlain: Contender = {
  name: "nginx",
  start: (bench) => startNginx(bench, "nginx_plain", { location: "", server: "" }),
};

export const nginxAuth: Contender = {
  name: "nginx auth_request",
  start: (bench) => startWithAuth(bench, "nginx_auth", ""),
};

/** What Nexus adds to a page, without the part that depends on the person. */
export const nginxComposing: Contender = {
  name: "nginx auth_request, sub_filter",
  composes: true,
  start: (bench) =>
    startWithAuth(
      bench,
      "nginx_composing",
      `sub_filter '</head>' '<link rel="stylesheet" href="/static/global.css"></head>';
       sub_filter '<body>' '<body><nav class="side-panel">${"<a href=/x>A service</a>".repeat(20)}</nav>';
       sub_filter_once on;`,
    ),
};

async function startWithAuth(bench: Bench, name: string, location: string) {
  const auth = await startScript(bench.scope, join(import.meta.dirname, "auth_server.ts"), cookie);
  const running = await startNginx(bench, name, {
    location: `auth_request /auth; auth_request_set $user $upstream_http_x_user;
       proxy_set_header X-User $user; ${location}`,
    server: `location = /auth {
       internal; proxy_pass http://auth; proxy_http_version 1.1; proxy_set_header Connection "";
       proxy_pass_request_body off; proxy_set_header Content-Length "";
     }`,
    http: `upstream auth { server 127.0.0.1:${auth.port}; keepalive 64; }`,
  });
  if (typeof running === "string") return running;
  return { ...running, headers: { cookie }, besidePids: [auth.pid] };
}

async function startNginx(
  { scope, folder: root, upstreamUrl }: Bench,
  name: string,
  { location, server, http = "" }: { location: string; server: string; http?: string },
): Promise<Running | string> {
  const program = findProgram("nginx");
  if (program === undefined) return "nginx is not installed (Debian: apt-get install nginx-light)";
  const folder = join(root, name);
  mkdirSync(folder);
  const port = await findFreePort();
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 4096; }
http {
  access_log ${folder}/access.log;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000;
  upstream service { server ${new URL(upstreamUrl).host}; keepalive 64; }
  ${http}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://service; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Accept-Encoding identity;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      ${location}
    }
    ${server}
  }
}
`,
  );
  const child = start(scope, [program, "-p", folder, "-c", file, "-e", join(folder, "error.log")]);
  await waitForPort(port);
  return { url: `http://127.0.0.1:${port}`, pids: [child.pid ?? 0] };
}
