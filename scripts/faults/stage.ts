// A cluster with everything that a round needs around it: the model, the client, the faults.
import { setTimeout as sleep } from "node:timers/promises";
import type { TestScope } from "@hivematrix/lib/testing";
import { type Cluster, type ClusterShape, startCluster } from "./cluster.ts";
import { Faults } from "./fault_actions.ts";
import { GatewayClient, type OpenConnection } from "./gateway_client.ts";
import {
  describeRequest,
  type ModelSession,
  type RequestKind,
  RevocationModel,
} from "./revocation_model.ts";
import { SessionOperations } from "./session_operations.ts";

/**
 * How long a connection may outlive its session (counted as `dueFrom` says). A gateway that has lost
 * its feed is connected anew within a second, a Core that has just begun may grant it nothing before
 * its next ping, and a question that fails is asked again a second later.
 */
export const cutWithinMs = 5000;

/** When an ended session is tried again: while a lease could still run, and a little longer. */
const probesAfterMs = [20, 80, 200, 400, 700, 1100, 1600, 2100, 2700, 3500];
/** With nothing wrong any more, this is enough. */
const calmProbesMs = 500;

export interface Stage {
  readonly cluster: Cluster;
  readonly model: RevocationModel;
  readonly client: GatewayClient;
  readonly operations: SessionOperations;
  readonly faults: Faults;
  /** How late open connections were cut, counted from `dueFrom`. */
  readonly cutLatenessMs: number[];
  /** Requests with sessions whose end had just been answered. */
  readonly probes: { count: number };
  /** Waits for all requests and probes. */
  settle(): Promise<void>;
}

export async function startStage(scope: TestScope, shape: ClusterShape): Promise<Stage> {
  const probing = new Set<Promise<void>>();
  const probes = { count: 0 };
  const cutLatenessMs: number[] = [];
  const model = new RevocationModel((session) => {
    const underWay = probe(session).finally(() => probing.delete(underWay));
    probing.add(underWay);
  });
  const cluster = await startCluster(scope, shape, (request) => client.reached(request));
  const faults = new Faults(cluster, model);
  const client: GatewayClient = new GatewayClient(scope, model, {
    host: cluster.origin.host,
    portOf: (nexus) => cluster.gateways[nexus]?.port ?? 0,
    onClosed: (connection) => {
      if (!connection.request.session.mayBeOver) return;
      // Nearly always it is cut before the end is answered.
      const from = dueFrom(connection, faults) ?? Number.POSITIVE_INFINITY;
      const lateMs = Math.max(0, performance.now() - from);
      cutLatenessMs.push(lateMs);
      if (lateMs > cutWithinMs) {
        const { request } = connection;
        model.violations.push(
          `cut late: ${describeRequest(request)} was cut ${Math.round(lateMs)} ms after it had to end`,
        );
      }
    },
  });

  /** Everywhere, by cookie and by Bearer token: the first of these leave before anything else happens. */
  const probe = async (session: ModelSession) => {
    const answeredAt = performance.now();
    sendEverywhere(session, "cookie", "echo");
    sendEverywhere(session, "bearer", "me");
    for (const [i, afterMs] of probesAfterMs.entries()) {
      if (afterMs > calmProbesMs && faults.areOver) return;
      await sleep(answeredAt + afterMs - performance.now());
      // A page of Nexus's own and a service's page are guarded at different places.
      sendEverywhere(session, i % 2 === 0 ? "cookie" : "bearer", i % 4 < 2 ? "me" : "echo");
    }
  };
  const sendEverywhere = (
    session: ModelSession,
    credential: "cookie" | "bearer",
    kind: RequestKind,
  ) => {
    for (const nexus of cluster.gateways.keys()) {
      probes.count++;
      const isFresh = credential === "cookie";
      void client.send({ session, nexus, kind, credential, isFresh });
    }
  };
  return {
    cluster,
    model,
    client,
    operations: new SessionOperations(cluster, model),
    faults,
    cutLatenessMs,
    probes,
    async settle() {
      while (probing.size > 0) await Promise.all(probing);
      await client.settle();
    },
  };
}

/**
 * From when on a connection has to be cut: the answer to its session's end, or its opening, or when
 * its gateway ran and reached Core again, whichever is last. `undefined` while that is not so.
 */
export function dueFrom(
  { request, openedAtMs }: OpenConnection,
  faults: Pick<Faults, "wellSince">,
): number | undefined {
  const { ended } = request.session;
  const wellSince = faults.wellSince(request.nexus);
  if (ended === undefined || wellSince === undefined) return undefined;
  return Math.max(ended.atMs, openedAtMs, wellSince);
}
