import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface PlainUser {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);

/**
 * The system user that PostgreSQL runs as when Helm is root, which PostgreSQL itself refuses to be:
 * `postgres` where a package made one, else `hivematrix`, made now, else `nobody`.
 */
export async function findPlainUser(): Promise<PlainUser> {
  const known = (await findUser("postgres")) ?? (await findUser("hivematrix"));
  if (known !== undefined) return known;
  await makeUser().catch(() => {}); // A small container may have no useradd; then it is nobody.
  return (await findUser("hivematrix")) ?? (await findUser("nobody")) ?? { uid: 65534, gid: 65534 };
}

async function findUser(name: string): Promise<PlainUser | undefined> {
  try {
    const [uid, gid] = await Promise.all(["-u", "-g"].map((option) => run("id", [option, name])));
    return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
  } catch {
    return undefined;
  }
}

async function makeUser(): Promise<void> {
  const options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"];
  await run("useradd", [...options, "hivematrix"]);
}
