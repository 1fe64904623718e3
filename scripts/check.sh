#!/usr/bin/env bash
# What a change has to pass: types, format and lint, then every test. Names test files to run only those.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "types: tsc"
npx --no-install tsc --noEmit
echo "format and lint: biome"
npx --no-install biome check --error-on-warnings
exec node --import tsx scripts/run_tests.ts "$@"
