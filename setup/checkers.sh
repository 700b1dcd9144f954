#!/usr/bin/env bash
# Makes .tools/checkers/<name>/ for each line of requirements-checkers.txt; a second run only compares stamps.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
while read -r -a packages; do
  folder=.tools/checkers/${packages[0]%%==*}
  [[ -f $folder/stamp && $(<"$folder/stamp") == "${packages[*]}" ]] && continue
  echo "setup: ${packages[*]} in $folder ..."
  rm -rf "$folder"
  .tools/venv/bin/python -m venv "$folder"
  "$folder/bin/python" -m pip install -q --disable-pip-version-check "${packages[@]}"
  printf '%s' "${packages[*]}" >"$folder/stamp"
done < <(grep -v '^#' setup/requirements-checkers.txt)
