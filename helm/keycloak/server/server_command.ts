import { join } from "node:path";

type Command = readonly [string, ...string[]];

/** How Keycloak is started: where Java and the unpacked server are. */
export interface ServerPlace {
  /** Absolute path of `java`. */
  readonly java: string;
  /** The unpacked server. */
  readonly home: string;
}

/**
 * What `bin/kc.sh <words>` would run, without the shell around it: that one does not become the
 * server but waits for it, and would be one more process to supervise.
 *
 * No secret stands here: every user of the machine can read arguments (R31).
 */
export function serverCommand({ java, home }: ServerPlace, words: readonly string[]): Command {
  return [
    java,
    ...memoryOptions,
    ...opens.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-Duser.language=en",
    "-Duser.country=US",
    "-Djava.security.egd=file:/dev/urandom",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
    `-Dkc.home.dir=${home}`,
    `-Djboss.server.config.dir=${join(home, "conf")}`,
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
    "-Dquarkus-log-max-startup-records=10000",
    "-cp",
    join(home, "lib", "quarkus-run.jar"),
    "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
    ...words,
  ];
}

/**
 * Measured with 26.7.3 on Java 17, idle after 150 token requests, resident memory and CPU time until
 * ready: 455 MB and 14.4 s with the options of bin/kc.sh, 305 MB and 8.5 s with these. Most of it is
 * the one garbage collector without threads of its own, and code that is compiled once, quickly: a
 * request costs no more. An archive of loaded classes (-XX:SharedArchiveFile) would take another 3 s
 * from the start, for 118 MB on disk and a server that takes longer to stop; it is left out.
 */
const memoryOptions = [
  "-Xms32m",
  "-Xmx384m",
  "-XX:+UseSerialGC",
  "-XX:MinHeapFreeRatio=10",
  "-XX:MaxHeapFreeRatio=20",
  "-XX:TieredStopAtLevel=1",
  "-XX:MaxMetaspaceSize=256m",
  // What is out of memory half works at best; it is started again instead.
  "-XX:+ExitOnOutOfMemoryError",
];

/** What JBoss' threads and Infinispan reach into (bin/kc.sh says the same). */
const opens = ["java.util", "java.util.concurrent", "java.security", "java.lang"];

/** Decided when the server is built; another choice means another build. */
export const buildWords = [
  "build",
  "--db=postgres",
  "--health-enabled=true",
  // Nobody signs in with it here.
  "--features-disabled=kerberos",
] as const;

/** `start` takes everything that is not decided by the build from its environment. */
export const startWords = ["start", "--optimized"] as const;
