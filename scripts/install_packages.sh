#!/bin/sh
# Installs the npm packages, and only when the package files have changed since the last time.
set -eu
cd "$(dirname "$0")/.."

stamp=node_modules/.hivematrix-packages
wanted=$(cat package.json package-lock.json lib/package.json template/package.json | cksum)
[ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && exit 0

# Packages that somebody installed by hand are as good, when that was after the files changed.
installed=node_modules/.package-lock.json
if [ -z "$(find package.json package-lock.json -newer "$installed" 2>/dev/null || echo missing)" ]; then
  echo "$wanted" >"$stamp"
  exit 0
fi

echo "Installing npm packages …"
output=$(mktemp)
trap 'rm -f "$output"' EXIT
# npm ci refuses workspaces that the lockfile does not know, which apps/ is full of; installing
# without saving takes the locked versions too and leaves the tracked files alone.
command=ci
for manifest in apps/*/package.json; do
  if [ -e "$manifest" ]; then command="install --no-save"; fi
done
# shellcheck disable=SC2086 # two words where it is two words
if ! npm $command --no-audit --no-fund >"$output" 2>&1; then
  cat "$output" >&2
  echo "Cannot install the npm packages: npm $command failed, see above" >&2
  exit 1
fi
echo "$wanted" >"$stamp"
