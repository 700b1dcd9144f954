#!/usr/bin/env bash
# Installs a scheduler's Debian packages where that may be done without asking; else says in a line what is missing.
# Usage: packages.sh "PROGRAM ..." PACKAGE ...
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
programs=$1
shift
# shellcheck disable=SC2086 # several programs
type -P $programs >/dev/null && exit
if [[ $EUID -eq 0 ]] && type -P apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -yqq --no-install-recommends "$@" >/dev/null
  exit
fi
echo "MISSING $programs: sudo apt-get install $*" >&2
exit 1
