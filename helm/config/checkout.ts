import { join, relative } from "node:path";

/** Where things are in a checkout, which is an installation at the same time (design §2). */
export interface Checkout {
  readonly root: string;
  readonly helmFolder: string;
  readonly masterConfigFile: string;
  readonly servicesFile: string;
  /** One file for each service that runs. */
  readonly runDir: string;
  readonly logDir: string;
  /** Who the running daemon is and how the command line may talk to it. */
  readonly daemonFile: string;
  appFolder(app: string): string;
  /** A path as people write it: from the checkout's root. */
  display(path: string): string;
}

/** Our own services have places of their own; everything else is an app in `apps/<name>`. */
const ownFolders: Readonly<Record<string, string>> = {
  core: "core",
  nexus: "nexus",
  helm: "helm",
  template: "template",
  keycloak: join("helm", "keycloak"),
};

export function createCheckout(root: string = join(import.meta.dirname, "..", "..")): Checkout {
  const helmFolder = join(root, "helm");
  const instance = join(helmFolder, "instance");
  return {
    root,
    helmFolder,
    masterConfigFile: join(instance, "configs", "master_config.json"),
    servicesFile: join(helmFolder, "services.json"),
    runDir: join(instance, "run", "services"),
    logDir: join(instance, "logs"),
    daemonFile: join(instance, "run", "daemon.json"),
    appFolder: (app) => join(root, ownFolders[app] ?? join("apps", app)),
    display: (path) => relative(root, path),
  };
}
