// For tests: the platform's sign-in with whichever provider, and people who are known there.
import { randomBytes } from "node:crypto";
import { serve } from "@hivematrix/lib/serve";
import type { TestScope } from "@hivematrix/lib/testing";
import type { Page } from "playwright-core";
import {
  type AdminPlace,
  createIdentityAdmin,
  type IdentityAdmin,
} from "../helm/keycloak/admin_client.ts";
import type { TestBrowser as ProviderBrowser } from "../helm/keycloak/testing_browser.ts";
import type { Answer, TestBrowser } from "./browser_testing.ts";
import {
  type ProviderAddress,
  startNexus,
  type TestNexus,
  type TestNexusOptions,
} from "./testing.ts";

/** A provider that the set runs against. */
export interface SignInProvider extends ProviderAddress {
  /** Where Helm does there what it may. */
  readonly adminPlace: AdminPlace;
  /** What it has logged. */
  readonly lines: readonly string[];
  /** A browser that reaches it without Nexus, and shows what applications get. */
  openBrowser(): ProviderBrowser;
  /** Ends it, if it runs, and starts it again with all that it knows. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** @param coreUrl to be told when sessions end */
export type StartProvider = (
  scope: TestScope,
  publicOrigin: string,
  coreUrl: string,
) => Promise<SignInProvider>;

export interface Person {
  /** The `sub` of this person's tokens. */
  readonly id: string;
  readonly username: string;
  readonly password: string;
}

export interface SignIn {
  readonly nexus: TestNexus;
  readonly provider: SignInProvider;
  readonly admin: IdentityAdmin;
  /** What the provider has sent to Core's back-channel logout endpoint. */
  readonly logoutTokens: readonly string[];
  /** Somebody new; no two tests share one. */
  newPerson(more?: { groups?: readonly string[]; isTemporary?: boolean }): Promise<Person>;
  /** A browser in which somebody is signed in, or whoever is given. */
  signIn(person?: Person): Promise<TestBrowser>;
}

/** Starts Nexus, Core and a provider, gone when the tests end. */
export async function startSignIn(
  scope: TestScope,
  startProvider: StartProvider,
  options: TestNexusOptions = {},
): Promise<SignIn> {
  const started: SignInProvider[] = [];
  const logoutTokens: string[] = [];
  const nexus = await startNexus(scope, {
    ...options,
    async startProvider(publicOrigin, coreUrl) {
      const post = await startPost(scope, coreUrl, logoutTokens);
      const provider = await startProvider(scope, publicOrigin, post);
      started.push(provider);
      return provider;
    },
  });
  const [provider] = started;
  if (provider === undefined) throw new Error("The provider was not started");
  const admin = createIdentityAdmin(provider.adminPlace);
  scope.after(() => admin.close());
  const signIn: SignIn = {
    nexus,
    provider,
    admin,
    logoutTokens,
    async newPerson({ groups = ["technicians"], isTemporary = false } = {}) {
      const username = `ada-${randomBytes(5).toString("hex")}`;
      const password = randomBytes(12).toString("base64url");
      const name = { firstName: "Ada", lastName: "Lovelace", email: `${username}@example.org` };
      const user = await admin.createUser({ ...name, username, password, groups, isTemporary });
      return { id: user.id, username, password };
    },
    async signIn(person) {
      const browser = nexus.openBrowser();
      const page = await enter(browser, person ?? (await signIn.newPerson()));
      if (page.url !== `${nexus.origin}/`) throw new Error(`Not in: ${page.url} ${page.body}`);
      return browser;
    },
  };
  return signIn;
}

/** The whole way to a page by password. */
export async function enter(browser: TestBrowser, person: Person, path = "/"): Promise<Answer> {
  return await send(browser, await browser.open(path), person);
}

/** Sends the sign-in page's form. */
export async function send(
  browser: TestBrowser,
  form: Answer,
  { username, password }: Person,
): Promise<Answer> {
  return await browser.submit(form, { username, password });
}

/** Fills in the form of the sign-in page and sends it. */
export async function fillIn(page: Page, { username, password }: Omit<Person, "id">) {
  await page.locator("input[name=username]").fill(username);
  await page.locator("input[name=password]").fill(password);
  await page.locator("input[name=password]").press("Enter");
}

/** Between the provider and Core. @returns its origin */
async function startPost(scope: TestScope, coreUrl: string, tokens: string[]): Promise<string> {
  const handle = async (request: Request) => {
    const body = await request.text();
    tokens.push(new URLSearchParams(body).get("logout_token") ?? "");
    const { pathname } = new URL(request.url);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return await fetch(coreUrl + pathname, { method: "POST", headers, body });
  };
  const server = await serve(handle, { port: 0, service: "core" });
  scope.after(() => server.close());
  return server.url.origin;
}
