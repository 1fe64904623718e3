// How the command line speaks: plain text, colours only for people at a terminal.
import type { PlatformStatus } from "../control/platform_status.ts";

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export type Colour = keyof typeof codes;

/** Whether colours are wanted: https://no-color.org, and never in a file or a pipe. */
export function hasColours(
  stream: { isTTY?: boolean } = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

export function paint(text: string, colour: Colour, isColoured = hasColours()): string {
  return isColoured ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

export function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

/** What a person does next, once all is ready. */
export function welcome(
  { address, environment }: Pick<PlatformStatus, "address" | "environment">,
  user: { username: string; password: string } | { elsewhere: string },
): string[] {
  const isReady = `HiveMatrix is ready: ${address}`;
  if ("elsewhere" in user) return [isReady, `Sign in with your account at ${user.elsewhere}.`];
  const isWellKnown = environment === "development" && user.password === "admin";
  const how = isWellKnown
    ? `with the password "${user.password}", and change it ("helm users reset-password ${user.username}")`
    : 'with the password from the first start (again: "helm config get keycloak.admin_password")';
  return [isReady, `Sign in as "${user.username}" ${how}.`];
}
