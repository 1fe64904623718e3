import assert from "node:assert/strict";
import test from "node:test";
import { countsOf, pushOf } from "./figures_testing.ts";
import { type Report, RequestSources } from "./request_sources.ts";

const began = 1_000_000_000;

test("a lost report, and one that came twice, count right", () => {
  const sources = settled();
  const at = (seconds: number, requests: number) =>
    countIn(sources.take(pushOf("a", seconds, { template: countsOf(requests) }), ms(seconds)));
  assert.equal(at(10, 5), 5);
  assert.equal(at(20, 7), 2);
  assert.equal(at(20, 7), 0);
  // The one of second 30 was lost.
  assert.equal(at(40, 17), 10);
});

test("a report that was overtaken on its way changes nothing", () => {
  const sources = settled();
  sources.take(pushOf("a", 10, { template: countsOf(5) }), ms(10));
  sources.take(pushOf("a", 30, { template: countsOf(9) }), ms(30));
  assert.equal(sources.take(pushOf("a", 20, { template: countsOf(7) }), ms(31)), undefined);
  assert.equal(countIn(sources.take(pushOf("a", 40, { template: countsOf(9) }), ms(40))), 0);
});

test("another process counts from its own beginning", () => {
  const sources = settled();
  sources.take(pushOf("a", 10, { template: countsOf(5) }), ms(10));
  const report = sources.take(pushOf("b", 4, { template: countsOf(3) }), ms(20));
  assert.equal(countIn(report), 3);
  assert.equal(report?.fromMs, ms(16));
});

test("what was counted before Helm began is kept back until it is known what is stored of it", () => {
  const sources = new RequestSources(ms(100));
  const take = (seconds: number, requests: number) =>
    sources.take(pushOf("old", seconds, { template: countsOf(requests) }), ms(seconds));
  assert.equal(take(110, 50), undefined);
  assert.equal(countIn(take(120, 53)), 3);
  const stored = { instance: "old", atMs: ms(60), ageSeconds: 60, services: {} };
  const [report] = sources.restore([{ ...stored, services: { template: countsOf(40) } }]);
  assert.equal(countIn(report), 10);
  assert.deepEqual([report?.fromMs, report?.toMs], [ms(60), ms(110)]);
  assert.equal(countIn(take(130, 54)), 1);
});

test("of a process that nothing is stored of, all counts", () => {
  const sources = new RequestSources(ms(100));
  sources.take(pushOf("old", 110, { template: countsOf(50) }), ms(110));
  const [report] = sources.restore([]);
  assert.equal(countIn(report), 50);
  assert.deepEqual([report?.fromMs, report?.toMs], [ms(0), ms(110)]);
});

test("what is stored is known when its process is heard of later", () => {
  const sources = new RequestSources(ms(100));
  const services = { template: countsOf(40) };
  sources.restore([{ instance: "old", atMs: ms(60), ageSeconds: 60, services }]);
  const report = sources.take(pushOf("old", 110, { template: countsOf(50) }), ms(110));
  assert.equal(countIn(report), 10);
  assert.equal(report?.fromMs, ms(60));
});

test("what is under way is the sum over the processes that were heard of lately", () => {
  const sources = settled();
  const open = { open_requests: 2, open_websockets: 1 };
  sources.take(pushOf("a", 10, { template: countsOf(5, open) }), ms(10));
  sources.take(pushOf("b", 40, { template: countsOf(5, open) }), ms(40));
  assert.deepEqual(sources.open("template", ms(45)), { requests: 4, websockets: 2 });
  assert.deepEqual(sources.open("template", ms(55)), { requests: 2, websockets: 1 });
  assert.deepEqual(sources.open("core", ms(45)), { requests: 0, websockets: 0 });
});

test("processes without number take no memory without bound", () => {
  const sources = settled();
  for (let i = 0; i < 500; i++) sources.take(pushOf(`p${i}`, 1, {}), ms(i));
  assert.ok(sources.known().length <= 64);
  assert.equal(sources.known().at(-1)?.instance, "p499");
});

function settled(): RequestSources {
  const sources = new RequestSources(began);
  sources.restore([]);
  return sources;
}

function ms(seconds: number): number {
  return began + seconds * 1000;
}

function countIn(report: Report | undefined): number {
  return report?.differences.reduce((sum, { counts }) => sum + counts.requests, 0) ?? 0;
}
