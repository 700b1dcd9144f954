#!/usr/bin/env bash
# Makes sure that podman has debian:bookworm-slim: from a registry, or else from Debian's own packages with debootstrap.
# The second way needs root, debootstrap and an apt source, which is read from this machine.
set -euo pipefail

image=docker.io/library/debian:bookworm-slim
podman image exists "$image" && exit
podman pull --quiet "$image" 2>/dev/null && exit

echo "No registry gives $image: making it from Debian packages (about a minute) ..."
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
  awk '/^(deb|URIs:) / {for (i = 2; i <= NF; i++) if ($i ~ /:\//) {print $i; exit}}') || true
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
: "${mirror:?no apt source found on this machine}"
debootstrap --variant=minbase --include=ca-certificates bookworm "$root/fs" "$mirror" >"$root/log" ||
  { tail "$root/log"; exit 1; }

# apt and pip inside must trust and ask what this machine trusts and asks.
for file in /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
  [[ -e $file ]] && cp "$file" "$root/fs$file"
done
rm -rf "$root"/fs/var/cache/apt/archives/*.deb "$root"/fs/var/lib/apt/lists/*
tar -C "$root/fs" -c . | podman import -c 'CMD ["/bin/bash"]' - "$image"
