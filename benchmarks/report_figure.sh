#!/usr/bin/env bash
# The README's picture: the held-out performance in the report of `make demo`, as headless chromium draws it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p docs/images
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
chromium --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --hide-scrollbars \
  --user-data-dir="$profile" --virtual-time-budget=10000 --window-size=1250,560 \
  --screenshot=docs/images/report.png "file://$PWD/results/demo/report.html#populations"
