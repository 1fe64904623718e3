import { createHash, randomBytes } from "node:crypto";

// Lengths as they are in an office: nothing here is shorter than what a provider and browsers send.

const userAgents = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
];

/** Somebody as the userinfo endpoint describes them; each number is another person, always the same. */
export function makePerson(number: number) {
  const username = `ada.lovelace.${number}`;
  return {
    sub: formatUuid(createHash("sha256").update(username).digest("hex")),
    name: `Ada Lovelace ${number}`,
    email: `${username}@example.org`,
    preferred_username: username,
    groups: ["technicians"],
  };
}

/** What Nexus sends along with the sign-in, under the endpoint's names. */
export function makeSignIn(number: number) {
  return {
    sid: formatUuid(randomBytes(16).toString("hex")),
    id_token: makeIdToken(makePerson(number).sub),
    refresh_token: randomBytes(32).toString("base64url"),
    user_agent: userAgents[number % userAgents.length] ?? "",
    address: `192.168.${number % 250}.${number % 199}`,
  };
}

/** As long as the embedded provider's. Core reads whom it speaks of; its signature is Nexus's to check. */
function makeIdToken(sub: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const random = () => randomBytes(32).toString("base64url");
  const claims = { sub, sid: random(), nonce: random(), at_hash: random(), filler: random() };
  const signature = randomBytes(256).toString("base64url");
  return `${encode({ alg: "RS256", typ: "JWT", kid: random() })}.${encode(claims)}.${signature}`;
}

function formatUuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, "$1-$2-$3-$4-$5");
}
