#!/bin/sh
# From a fresh clone to a running platform: checks the machine, installs npm packages, initialises,
# starts everything and waits until it is ready. Running it again is harmless and fast.
set -eu
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
./scripts/start.sh [--dev] [options of "helm init", at the first start]

  --dev                restart a service when its sources change
  --port-offset N      shift every port, to run beside another installation
  --environment E      development (default) or production
  --hostname H         the name that browsers use; needed for production
  --tls, --no-tls      insist on TLS, or do without it
  --admin-password     ask for the first user's password (or set HELM_ADMIN_PASSWORD)

Stop it with ./scripts/helm down, look at it with ./scripts/helm status.
TEXT
}

up_options=""
for word in "$@"; do
  shift
  case $word in
    -h | --help) usage && exit 0 ;;
    --dev) up_options=--dev ;;
    *) set -- "$@" "$word" ;; # for helm init
  esac
done

# --- the machine ---

is_node_new_enough() { # asked by the shell, which is faster than a script for node
  version=$(node --version)
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -ge 19 ]; }
}

lacks=""
if ! command -v node >/dev/null 2>&1; then
  lacks="Node.js is missing: install version 20.19 or newer"
elif ! is_node_new_enough; then
  lacks="Node.js $(node --version) is too old: install version 20.19 or newer"
elif ! command -v npm >/dev/null 2>&1; then
  lacks="npm is missing: it comes with Node.js, or as a package of its own (npm)"
fi
if [ -n "$lacks" ]; then
  echo "Cannot start: $lacks" >&2
  exit 1
fi
command -v git >/dev/null 2>&1 || echo "git is missing: services can be installed and updated only with it"
command -v openssl >/dev/null 2>&1 || echo "openssl is missing: without it there is no TLS certificate, and plain HTTP is used"

# --- one start at a time ---

lock=.start.lock

is_start() { # whether the process is a start.sh that lives
  if [ -r "/proc/$1/cmdline" ]; then
    tr '\0' ' ' <"/proc/$1/cmdline" | grep -q start.sh
  else
    kill -0 "$1" 2>/dev/null
  fi
}

take_lock() {
  told=""
  unwritten=0
  stuck=0
  until mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/pid" 2>/dev/null || true)
    if [ -z "$holder" ]; then
      # Its maker is about to write its pid, or has just removed it.
      unwritten=$((unwritten + 1))
      if [ "$unwritten" -gt 20 ]; then rmdir "$lock" 2>/dev/null || true; fi
      sleep 0.1
    elif is_start "$holder"; then
      if [ "$told" != "$holder" ]; then
        echo "Another start.sh (process $holder) is at work; waiting for it …"
        told=$holder
      fi
      sleep 0.2
    elif mkdir "$lock/taken-from-$holder" 2>/dev/null; then
      # Only one of those who wait can make that folder, so only one takes over from the dead.
      break
    else
      stuck=$((stuck + 1))
      if [ "$stuck" -gt 100 ]; then
        echo "Cannot start: $lock is left over from process $holder; remove that folder" >&2
        exit 1
      fi
      sleep 0.1
    fi
  done
  trap 'rm -rf "$lock"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  echo $$ >"$lock/pid"
}

take_lock

# --- the platform ---

./scripts/install_packages.sh
if [ ! -e helm/instance/configs/master_config.json ]; then
  # Only saves time and memory; what cannot be compiled is best said by the service that it is of.
  node --import tsx scripts/compile_sources.ts >/dev/null 2>&1 &
  ./scripts/helm init "$@"
  wait
elif [ $# -gt 0 ]; then
  echo "Initialised already, so these options have no effect: $*"
fi
./scripts/helm up --detach $up_options
echo 'Stop it with "./scripts/helm down".'
