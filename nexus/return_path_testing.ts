// For tests: addresses that have led a sign-in of some product to somebody else's site (R4).

const host = "evil.example";

/** What browsers, or some hop on the way, take for the two slashes before a host. */
const twoSlashes = [
  "//",
  "///",
  "////",
  "/\\",
  "\\/",
  "\\\\",
  "/\\/",
  "//\\",
  "\\//",
  "/\\\\",
  "/\t/",
  "/\n/",
  "/\r/",
  "/\r\n/",
  "\t//",
  " //",
  "\u0000//",
  "/ /",
  "/\u00a0/",
  "/\u3000/",
  "/\u2028/",
  "/%09/",
  "/%0a/",
  "/%0d/",
  "/%0d%0a/",
  "/%00/",
  "/%1f/",
  "/%2f",
  "/%2F/",
  "/%5c",
  "/%5C/",
  "%2f%2f",
  "/%7f/",
  "/%c2%a0/",
  "/%e2%80%a8/",
  "/%e3%80%80/",
  "/.//",
  "/..//",
  "/%2e//",
  "/%2e%2e//",
  "/a/..//",
  "/./\\",
  "/a/../\\",
];

/** Ways to write the host itself. */
const hosts = [host, `${host}/`, `hive.test@${host}`, `${host}:443`, `%65vil.example`];

const schemes = [
  "http://",
  "https://",
  "HTTPS://",
  "http:",
  "https:",
  "http:/",
  "https:\\\\",
  "http:\\",
  "ftp://",
  "ws://",
  "https:/%2f",
  "https:%2f%2f",
  "hTTp:\t//",
  "\thttp://",
  " https://",
  "\u0000https://",
].flatMap((scheme) => [
  scheme + host,
  `${scheme}hive.test:8000@${host}`,
  `${scheme}hive.test.${host}`,
]);

const programs = [
  "javascript:alert(1)",
  "JavaScript:alert(1)",
  "java\tscript:alert(1)",
  "java\nscript:alert(1)",
  "\u0001javascript:alert(1)",
  " javascript:alert(1)",
  "javascript://%0aalert(1)",
  "javascript&colon;alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  "blob:https://evil.example/1",
  "file:///etc/passwd",
  "about:blank",
  "mailto:x@evil.example",
];

const headers = [
  "/\r\nLocation: https://evil.example",
  "/%0d%0aLocation:%20https://evil.example",
  "/\nSet-Cookie: a=b",
  "/%0aSet-Cookie:%20a=b",
  "/\u560a\u560dLocation: https://evil.example",
];

// The last one is the name that return_path.ts itself resolves against.
const bare = [
  host,
  `.${host}`,
  `@${host}`,
  `:80@${host}`,
  "?next=//evil.example",
  "#//evil",
  "*",
  "//nexus.invalid/x",
];

export const openRedirects: readonly string[] = [
  ...twoSlashes.flatMap((slashes) => hosts.map((name) => slashes + name)),
  ...schemes,
  ...programs,
  ...headers,
  ...bare,
];
