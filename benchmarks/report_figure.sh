#!/usr/bin/env bash
# The README's picture: one figure of the report of `make demo` (all else hidden), as headless chromium draws it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
only='.toc, header, section:not(#performance), #performance > :not(#populations, #populations + *), #populations { display: none } #performance, #populations { margin: 0; padding: 0 }'
sed "s|</head>|<style>$only</style></head>|" results/demo/report.html >"$scratch/report.html"
mkdir -p docs/images
chromium --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --hide-scrollbars \
  --user-data-dir="$scratch/profile" --virtual-time-budget=10000 --window-size=1000,560 \
  --screenshot=docs/images/report.png "file://$scratch/report.html"
