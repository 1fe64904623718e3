import { hasOpenssl } from "./certificate.ts";
import { describePortHolder, probePort } from "./port_probe.ts";

export interface NexusListening {
  readonly port: number;
  readonly tls: boolean;
  /** With TLS: where plain HTTP is redirected from; 0: nowhere. */
  readonly redirectPort?: number;
  /** One line about why it is not the usual way. */
  readonly note?: string;
}

export interface NexusWish {
  readonly portOffset: number;
  readonly bindAddress: string;
  /** What the person asked for; `undefined` leaves it to the machine. */
  readonly tls: boolean | undefined;
}

/**
 * Port 443 with TLS where this user may listen there and openssl can make a certificate, with a
 * redirect from port 80 or else 8000; otherwise plain HTTP on 8000 (contract §8).
 *
 * @throws {Error} when TLS was asked for and cannot be had
 */
export async function decideNexusListening(wish: NexusWish): Promise<NexusListening> {
  const plain = { port: 8000 + wish.portOffset, tls: false };
  const securePort = 443 + wish.portOffset;
  if (wish.tls === false) return plain;
  const obstacle = await findObstacle(securePort, wish.bindAddress);
  if (obstacle === undefined) {
    return { port: securePort, tls: true, redirectPort: await findRedirectPort(wish) };
  }
  if (wish.tls) throw new Error(`Cannot use TLS: ${obstacle}`);
  return { ...plain, note: `Plain HTTP on port ${plain.port}, without TLS: ${obstacle}` };
}

async function findRedirectPort({ portOffset, bindAddress }: NexusWish): Promise<number> {
  for (const port of [80 + portOffset, 8000 + portOffset]) {
    if ((await probePort(port, bindAddress)) === "free") return port;
  }
  return 0;
}

async function findObstacle(port: number, host: string): Promise<string | undefined> {
  const state = await probePort(port, host);
  if (state === "forbidden") return `this user may not listen on port ${port}`;
  if (state === "taken") return `port ${port} is taken by ${await describePortHolder(port)}`;
  if (!(await hasOpenssl())) return "there is no openssl on this machine to make a certificate";
  return undefined;
}
