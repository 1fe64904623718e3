#!/usr/bin/env bash
# Installs what the check needs and runs all of it: types, lint, every test.
set -euo pipefail
cd "$(dirname "$0")/.."

for program in node npm git; do
  command -v "$program" >/dev/null || {
    echo "Cannot run the check: $program is missing" >&2
    exit 1
  }
done
./scripts/install_packages.sh
exec ./scripts/check.sh "$@"
