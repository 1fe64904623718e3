// For tests: services on other HTTP servers than node's, each of which says what it has understood.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { withoutPython } from "@hivematrix/lib/python_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";

/** A request as a server understood it. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly requestId: string;
}

export interface ForeignUpstream {
  readonly url: string;
  seen(): SeenRequest[];
}

/** Why there is no Python or nginx here, or false. */
export const withoutForeign = {
  python: withoutPython("http.server"),
  nginx:
    spawnSync("nginx", ["-v"]).status !== 0 &&
    "skipped: nginx is missing; install the package nginx to run this test",
};

const program = `
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        # As most handlers do: who would read the content of a GET?
        if self.command in ("POST", "PUT", "PATCH"):
            self.rfile.read(int(self.headers.get("content-length", 0)))
        seen = [self.command, self.path, self.headers.get("x-request-id", "")]
        sys.stdout.write(json.dumps(seen) + "\\n")
        sys.stdout.flush()
        body = b"" if self.command == "HEAD" else self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()
        self.wfile.write(body)
    def __getattr__(self, name):
        if name.startswith("do_"): return self.answer
        raise AttributeError(name)
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
`;

/** Python's http.server as people use it: connections kept, no idea of chunks, no content read where none is expected. */
export async function startPythonUpstream(scope: TestScope): Promise<ForeignUpstream> {
  const python = spawn("python3", ["-c", program], { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(python, "exit");
  scope.after(async () => {
    python.kill("SIGKILL");
    await exited;
  });
  let output = "";
  python.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  await waitFor(() => output.includes("\n"), { what: "Python to listen" });
  const [port] = output.split("\n", 1);
  const read = (line: string): SeenRequest => {
    const [method, target, requestId] = JSON.parse(line);
    return { method, target, requestId };
  };
  return {
    url: `http://127.0.0.1:${port}`,
    seen: () => output.split("\n").slice(1, -1).map(read),
  };
}

/** nginx, answering by itself. */
export async function startNginxUpstream(scope: TestScope): Promise<ForeignUpstream> {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-nginx-"));
  mkdirSync(join(folder, "temp"));
  const port = await findFreePort();
  const seenFile = join(folder, "seen.log");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/temp;`)
    .join(" ");
  const configuration = `daemon off; master_process off; pid ${folder}/pid; error_log /dev/null;
events {}
http {
  log_format seen escape=json '["$request_method","$request_uri","$http_x_request_id","$request","$status"]';
  access_log ${seenFile} seen; ${temporary}
  server { listen 127.0.0.1:${port}; location / { return 200 $request_uri; } }
}
`;
  writeFileSync(join(folder, "nginx.conf"), configuration);
  const nginx = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: "ignore",
  });
  const exited = once(nginx, "exit");
  scope.after(async () => {
    nginx.kill("SIGKILL");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  await waitFor(
    () =>
      fetch(`http://127.0.0.1:${port}/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    { what: "nginx to listen" },
  );
  return {
    url: `http://127.0.0.1:${port}`,
    seen: () =>
      (existsSync(seenFile) ? readFileSync(seenFile, "utf8") : "")
        .split("\n")
        .filter((line) => line !== "" && !line.includes("/ready"))
        .map((line) => {
          const [method, target, requestId] = JSON.parse(line);
          return { method, target, requestId };
        }),
  };
}
