#!/usr/bin/env bash
# Builds the images with docker or podman, pushes them, or writes them as files of Apptainer: `make image`, `make push`
# and `make sif` call it. TARGET=cpu or TARGET=cuda: that image alone.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' bin/scxpresso/__init__.py)
targets=(${TARGET:-cpu cuda})

fail() { echo "make $*" >&2; exit 1; }

for engine in docker podman none; do
  "$engine" info >/dev/null 2>&1 && break
done

# The tag of a target's image.
tag() { if [[ $1 == cuda ]]; then echo "$version-cuda"; else echo "$version"; fi; }

build() {
  local arguments=() target
  [[ -z ${SCXPRESSO_TORCH_INDEX:-} ]] || arguments+=(--build-arg "TORCH_INDEX=$SCXPRESSO_TORCH_INDEX")
  [[ -z ${AWS_CLI:-} ]] || arguments+=(--build-arg "AWS_CLI=$AWS_CLI")
  for target in "${targets[@]}"; do
    "$engine" build --target "$target" "${arguments[@]}" -t "nf-scxpresso:$(tag "$target")" -f containers/Dockerfile .
  done
}

push() {
  local options=() target image
  [[ -n ${REGISTRY:-} ]] || fail "push REGISTRY=…: name the registry, such as ghcr.io/mylab"
  # A registry on this machine has no certificate; docker knows that by itself.
  [[ $engine == podman && $REGISTRY =~ ^(localhost|127\.0\.0\.1)(:|/|$) ]] && options=(--tls-verify=false)
  for target in "${targets[@]}"; do
    image=nf-scxpresso:$(tag "$target")
    "$engine" tag "$image" "$REGISTRY/$image"
    "$engine" push "${options[@]}" "$REGISTRY/$image"
  done
}

sif() {
  local program target archive
  program=$(type -P apptainer || type -P singularity) ||
    fail "sif: needs apptainer or singularity on PATH; on a machine without, use make push and --registry docker://…"
  [[ $engine != none ]] || fail "sif: needs docker or podman, which has the images"
  archive=$(mktemp -d)
  trap 'rm -rf "$archive"' EXIT
  for target in "${targets[@]}"; do
    "$engine" save -o "$archive/image.tar" "nf-scxpresso:$(tag "$target")"
    "$program" build --force "nf-scxpresso-$(tag "$target").sif" "docker-archive:$archive/image.tar"
    rm "$archive/image.tar"
  done
}

[[ $engine != none || $1 == sif ]] || fail "$1: neither docker nor podman answers"
"$1"
