#!/usr/bin/env bash
# Builds the images with docker or podman, pushes them, or writes them as files of Apptainer: `make image`, `make push`
# and `make sif` call it. TARGET=cpu or TARGET=cuda: that image alone.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' bin/scxpresso/__init__.py)
read -ra targets <<<"${TARGET:-cpu cuda}"

fail() { echo "make $*" >&2; exit 1; }

# Sets engine: docker where its daemon answers, else podman.
find_engine() {
  for engine in docker podman; do
    "$engine" info >/dev/null 2>&1 && return
  done
  fail "$1: neither docker nor podman answers"
}

# The name of a target's image.
name() { if [[ $1 == cuda ]]; then echo "nf-scxpresso:$version-cuda"; else echo "nf-scxpresso:$version"; fi; }

image() {
  local arguments=() target
  find_engine image
  [[ -z ${SCXPRESSO_TORCH_INDEX:-} ]] || arguments+=(--build-arg "TORCH_INDEX=$SCXPRESSO_TORCH_INDEX")
  [[ -z ${AWS_CLI:-} ]] || arguments+=(--build-arg "AWS_CLI=$AWS_CLI")
  for target in "${targets[@]}"; do
    "$engine" build --target "$target" "${arguments[@]}" -t "$(name "$target")" -f containers/Dockerfile .
  done
}

push() {
  local options=() target image
  [[ -n ${REGISTRY:-} ]] || fail "push REGISTRY=…: name the registry, such as ghcr.io/mylab"
  find_engine push
  # A registry on this machine has no certificate, which docker knows by itself.
  [[ $engine == podman && $REGISTRY =~ ^(localhost|127\.0\.0\.1)(:|/|$) ]] && options=(--tls-verify=false)
  for target in "${targets[@]}"; do
    image=$(name "$target")
    "$engine" tag "$image" "$REGISTRY/$image"
    "$engine" push "${options[@]}" "$REGISTRY/$image"
  done
}

sif() {
  local program target image folder
  program=$(type -P apptainer || type -P singularity) ||
    fail "sif: needs apptainer or singularity on PATH; they also take images from a registry (make push, --registry)"
  find_engine sif
  folder=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$folder'" EXIT
  for target in "${targets[@]}"; do
    image=$(name "$target")
    "$engine" save -o "$folder/image.tar" "$image"
    "$program" build --force "${image/:/-}.sif" "docker-archive:$folder/image.tar"
    rm "$folder/image.tar"
  done
}

"$1"
