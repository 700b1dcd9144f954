#!/usr/bin/env bash
# Draws the README's pictures with headless Chromium: figures of the report of `make demo`, with everything else hidden.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# draw NAME SECTION HEADING HEIGHT: draw the figure after a heading of a section, both given by id.
draw() {
  local only=".toc, header, section:not(#$2), #$2 > details > :not(#$3, #$3 + *), #$3, figcaption, .controls, .finding, .saves { display: none }"
  only+=" body { display: block } main { padding: 1rem } details.section { margin: 0; border: 0 }"
  sed "s|</head>|<style>$only</style></head>|" results/demo/report.html >"$scratch/report.html"
  chromium --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --hide-scrollbars \
    --user-data-dir="$scratch/profile" --virtual-time-budget=10000 --window-size="1000,$4" \
    --screenshot="docs/images/$1.png" "file://$scratch/report.html"
}

mkdir -p docs/images
draw report performance populations 680
draw saturation saturation profile 560
