#!/usr/bin/env bash
# Prepares this folder to run as a service; Helm calls it after it has copied or cloned the folder.
# It may run again at any time. Configuration is Helm's: .env, instance/<name>.conf, services.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
  echo "Cannot install $(basename "$PWD"): $1" >&2
  exit 1
}

command -v node >/dev/null || fail "node is not on the PATH, install Node.js 20.19 or newer"
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1);
' || fail "Node.js $(node --version) is too old, install 20.19 or newer"

# Packages come from the checkout that this folder stands in (an npm workspace).
missing=$(node --input-type=module -e '
  import { existsSync, readFileSync } from "node:fs";
  import { dirname, join } from "node:path";
  const { dependencies = {} } = JSON.parse(readFileSync("package.json", "utf8"));
  const isThere = (name, folder) =>
    existsSync(join(folder, "node_modules", name)) ||
    (folder !== dirname(folder) && isThere(name, dirname(folder)));
  const missing = Object.keys(dependencies).filter((name) => !isThere(name, process.cwd()));
  console.log(missing.join(" "));
')
[ -z "$missing" ] || fail "these packages are missing: $missing; run \"npm install\" in the HiveMatrix checkout"

# Credentials will be in it.
mkdir -p instance
chmod 700 instance
