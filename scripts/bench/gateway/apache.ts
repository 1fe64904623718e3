// Apache with mod_auth_openidc as a contender: a whole OpenID relying party in front of a service.
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { TestBrowser } from "../../../nexus/browser_testing.ts";
import { startHostileProvider } from "../../../nexus/hostile_provider_testing.ts";
import type { Contender } from "./contender.ts";
import { findProgram } from "./find_program.ts";
import { type Scope, start, waitForPort } from "./processes.ts";

const modulesFolder = "/usr/lib/apache2/modules";

export const apache: Contender = {
  name: "Apache mod_auth_openidc",
  async start({ scope, folder: root, upstreamUrl }) {
    const program = findProgram("apache2");
    if (program === undefined || !existsSync(join(modulesFolder, "mod_auth_openidc.so"))) {
      return "it is not installed (Debian: apt-get install apache2 libapache2-mod-auth-openidc)";
    }
    const folder = join(root, "apache");
    mkdirSync(folder);
    const port = await findFreePort();
    const url = `http://127.0.0.1:${port}`;
    const provider = await startHostileProvider(scope, `${url}/keycloak`);
    const endpoint = (name: string) =>
      `${provider.backendUrl}/realms/${provider.realm}/protocol/openid-connect/${name}`;
    // Its directives take https addresses only; those in the provider's own document may be any.
    const metadata = {
      issuer: provider.issuer,
      authorization_endpoint: endpoint("auth"),
      token_endpoint: endpoint("token"),
      userinfo_endpoint: endpoint("userinfo"),
      jwks_uri: endpoint("certs"),
      response_types_supported: ["code"],
      token_endpoint_auth_methods_supported: ["client_secret_basic"],
    };
    const file = join(folder, "apache.conf");
    writeFileSync(
      file,
      `${modules("mpm_event", "authn_core", "authz_core", "authz_user", "unixd", "proxy", "proxy_http", "auth_openidc")}
ServerRoot ${folder}
ServerName 127.0.0.1
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
LogFormat "%h %t \\"%r\\" %>s %b" common
Listen 127.0.0.1:${port}
KeepAlive On
MaxKeepAliveRequests 0
ThreadsPerChild 64
ServerLimit 1
MaxRequestWorkers 64
OIDCProviderMetadataURL ${await serveMetadata(scope, metadata)}
OIDCClientID ${provider.clientId}
OIDCClientSecret "${provider.clientSecret}"
OIDCRedirectURI ${url}/keycloak-callback
OIDCCryptoPassphrase a-passphrase-of-this-benchmark
OIDCPKCEMethod S256
OIDCSessionType server-cache
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
ProxyPass / ${upstreamUrl}/ keepalive=On
`,
    );
    const child = start(scope, [program, "-d", folder, "-f", file, "-D", "FOREGROUND"]);
    await waitForPort(port);
    const browser = new TestBrowser(url);
    const page = await browser.open("/json");
    if (page.status !== 200) return `its sign-in did not work (${page.status})`;
    const cookie = browser.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    return { url, headers: { cookie }, pids: [child.pid ?? 0] };
  },
};

async function serveMetadata(scope: Scope, metadata: object): Promise<string> {
  const server = createServer((_incoming, outgoing) => {
    outgoing.writeHead(200, { "content-type": "application/json" });
    outgoing.end(JSON.stringify(metadata));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/openid-configuration`;
}

function modules(...names: readonly string[]): string {
  return names
    .map((name) => `LoadModule ${name}_module ${modulesFolder}/mod_${name}.so`)
    .filter((line) => existsSync(line.split(" ")[2] ?? ""))
    .join("\n");
}
