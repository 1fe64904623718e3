#!/bin/bash
# As contract §6 has it, with Debian's packages in the place of pip's, so that no network is needed.
set -e
cd "$(dirname "${BASH_SOURCE[0]}")"

for python in python3 /usr/bin/python3; do
  if "$python" -c "import flask, jwt, cryptography" 2>/dev/null; then
    "$python" -m venv --system-site-packages --without-pip pyenv
    break
  fi
done
[ -x pyenv/bin/python ] || { echo "Flask and PyJWT are missing: apt-get install python3-flask python3-jwt" >&2; exit 1; }

mkdir -p instance

# The first ones; Helm replaces them.
cat > .flaskenv <<EOF
FLASK_APP=run.py
SERVICE_NAME=flask_app
CORE_SERVICE_URL=http://localhost:5000
EOF
echo "Prepared with $(pyenv/bin/python --version)"
