import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceStatus } from "../services/service_status.ts";
import { reportProgress } from "./progress.ts";

const starting = (activity?: string): ServiceStatus[] => [
  {
    name: "keycloak",
    state: "starting",
    restarts: 0,
    dependencies: [],
    ...(activity !== undefined && { activity }),
  },
];

async function linesOf(...statuses: readonly (readonly ServiceStatus[])[]): Promise<string[]> {
  const control = new AbortController();
  const said: string[] = [];
  const left = [...statuses];
  const readStatus = async () => {
    const next = left.shift();
    if (left.length === 0) control.abort();
    return next ?? [];
  };
  await reportProgress(readStatus, (line) => said.push(line), control.signal, 1);
  return said;
}

test("whoever waits is told once what lasts longer than a moment", async () => {
  const lines = await linesOf(
    starting(),
    starting("waiting for postgres"),
    starting("building Keycloak 26.7.3"),
    starting("building Keycloak 26.7.3"),
    starting("building Keycloak 26.7.3"),
    starting(),
    starting(),
  );
  assert.deepEqual(lines, ["keycloak: building Keycloak 26.7.3"]);
});

test("a figure that grows is no news", async () => {
  const at = (percent: number) => starting(`downloading Keycloak 26.7.3 (${percent} %)`);
  const lines = await linesOf(at(1), at(20), at(40), at(90), starting());
  assert.deepEqual(lines, ["keycloak: downloading Keycloak 26.7.3"]);
});

test("the report ends quietly when Helm does not answer", async () => {
  const failing = () => Promise.reject(new Error("gone"));
  await reportProgress(failing, assert.fail, new AbortController().signal, 1);
});
