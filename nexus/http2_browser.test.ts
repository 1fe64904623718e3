import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { newVisitor, skipWithoutChromium, startBrowser } from "../scripts/browser_testing.ts";
import { startNexus } from "./testing.ts";

test("a real browser speaks HTTP/2 with Nexus, and opens its WebSockets beside that", {
  skip: skipWithoutChromium,
}, async (t) => {
  const echo = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => echo.close());
  await once(echo, "listening");
  echo.on("connection", (socket) => socket.on("message", (message) => socket.send(`${message}!`)));
  const { port } = echo.address() as AddressInfo;
  const services = { echo: { url: `http://127.0.0.1:${port}` } };
  const nexus = await startNexus(t, { isSecure: true, services });
  nexus.upstream.answer((incoming, outgoing) => {
    if (incoming.url === "/events") {
      outgoing.setHeader("content-type", "text/event-stream").write("data: hello\n\n");
      return;
    }
    outgoing.setHeader("content-type", "text/html").end("<!DOCTYPE html><p>Hello</p>");
  });
  const page = await (await newVisitor(await startBrowser(t))).newPage();
  const problems: string[] = [];
  page.on("console", (message) => problems.push(message.text()));
  await page.goto(`${nexus.origin}/login?next=/template/`);
  await page.waitForURL(`${nexus.origin}/template/`);
  await page.waitForLoadState("networkidle");

  const protocols = (await page.evaluate(listProtocols)) as string[];
  assert.ok(protocols.includes("h2 /template/"), protocols.join());
  assert.ok(protocols.length >= 3, protocols.join());
  assert.ok(
    protocols.every((each) => each.startsWith("h2 ")),
    protocols.join(),
  );

  const answers = await page.evaluate(askBoth);
  assert.deepEqual(answers, ["hello!", "hello"]);
  assert.deepEqual(problems, []);
});

/** As text, because it is the browser's to run. */
const listProtocols = `["navigation", "resource"]
  .flatMap((type) => performance.getEntriesByType(type))
  .map((entry) => entry.nextHopProtocol + " " + new URL(entry.name).pathname)`;

const askBoth = `(() => {
  const socket = new WebSocket("wss://" + location.host + "/echo/");
  const event = new EventSource("/template/events");
  socket.onopen = () => socket.send("hello");
  return Promise.all(
    [socket, event].map(
      (from) =>
        new Promise((resolve, reject) => {
          from.onmessage = ({ data }) => resolve(data);
          from.onerror = () => reject(new Error("it broke"));
        }),
    ),
  );
})()`;
