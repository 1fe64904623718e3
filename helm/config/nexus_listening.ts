import { hasOpenssl } from "./certificate.ts";
import { describePortHolder, probePort } from "./port_probe.ts";

export interface NexusListening {
  readonly port: number;
  readonly tls: boolean;
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
 * Port 443 with TLS where this user may listen there and openssl can make a certificate, else plain
 * HTTP on 8000 (contract §8).
 *
 * @throws {Error} when TLS was asked for and cannot be had
 */
export async function decideNexusListening(wish: NexusWish): Promise<NexusListening> {
  const plain = { port: 8000 + wish.portOffset, tls: false };
  const secure = { port: 443 + wish.portOffset, tls: true };
  if (wish.tls === false) return plain;
  const obstacle = await findObstacle(secure.port, wish.bindAddress);
  if (obstacle === undefined) return secure;
  if (wish.tls) throw new Error(`Cannot use TLS: ${obstacle}`);
  return { ...plain, note: `Plain HTTP on port ${plain.port}, without TLS: ${obstacle}` };
}

async function findObstacle(port: number, host: string): Promise<string | undefined> {
  const state = await probePort(port, host);
  if (state === "forbidden") return `this user may not listen on port ${port}`;
  if (state === "taken") return `port ${port} is taken by ${await describePortHolder(port)}`;
  if (!(await hasOpenssl())) return "there is no openssl on this machine to make a certificate";
  return undefined;
}
