import assert from "node:assert/strict";
import test from "node:test";
import { matchesVerifier, scramVerifier } from "./scram_verifier.ts";

test("a verifier belongs to its password only", async () => {
  const verifier = await scramVerifier("secret");
  assert.equal(await matchesVerifier("secret", verifier), true);
  assert.equal(await matchesVerifier("Secret", verifier), false);
  assert.equal(await matchesVerifier("secret", "md5abc"), false);
  assert.equal(await matchesVerifier("secret", ""), false);
});

test("each verifier has a salt of its own and does not show the password", async () => {
  const [one, other] = [await scramVerifier("secret"), await scramVerifier("secret")];
  assert.notEqual(one, other);
  assert.ok(!one.includes("secret"));
});

test("the stored key is that of RFC 7677's example exchange", async () => {
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  assert.equal(
    await scramVerifier("pencil", salt),
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});
