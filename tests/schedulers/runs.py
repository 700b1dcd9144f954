"""Runs of the pipeline on a scheduler: the small inputs of test_pipeline.py, and what each task's job asked for."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from conftest import ROOT
from test_pipeline import SMALL, Run, make_inputs

# Small runs: the queue is looked at every two seconds, and a job that left no exit status is given up after ten.
QUICK = """
executor { pollInterval = '2 sec'; queueStatInterval = '2 sec'; exitReadTimeout = '10 sec' }
process.resourceLimits = [cpus: 1, memory: 12.GB, time: 1.h]
"""


@dataclass
class Job:
    """A job script that Nextflow wrote: the task's name and number of attempts, and what it asks the scheduler for."""

    task: str
    options: list[str]
    folder: Path

    @property
    def step(self) -> str:
        return self.task.split(" ")[0].split(":")[-1]

    @property
    def memory(self) -> int:
        """Megabytes asked for."""
        return int(self.asked(r"(?:--mem |h_rss=)(\d+)M"))

    @property
    def time(self) -> int:
        """Seconds asked for."""
        hours, minutes, seconds = map(int, self.asked(r"(?:-t |h_rt=)([\d:]+)").split(":"))
        return (hours * 60 + minutes) * 60 + seconds

    def asked(self, pattern: str) -> str:
        found = re.search(pattern, "\n".join(self.options))
        assert found, f"{self} does not ask for {pattern}"
        return found[1]

    @property
    def log(self) -> str:
        return (self.folder / ".command.log").read_text()


def at_first(step: str, command: str, settings: str = "") -> str:
    """Configuration in which a step's first attempt begins with a command, and the next ones do not."""
    before = f"beforeScript = {{ task.attempt == 1 ? '{command}' : '' }}"
    return f"process {{ withName: {step} {{ {before}; {settings} }} }}\n"


@dataclass
class ClusterRun(Run):
    """A run that has ended, with its jobs in the order in which they were made."""

    work: Path
    prefix: str

    def attempts(self, step: str) -> list[Job]:
        return [job for job in self.jobs if job.step == step]

    @property
    def jobs(self) -> list[Job]:
        scripts = sorted(self.work.glob("*/*/.command.run"), key=lambda script: script.stat().st_mtime_ns)
        return [read_job(script, self.prefix) for script in scripts]


def read_job(script: Path, prefix: str) -> Job:
    lines = script.read_text().splitlines()
    name = next(line for line in lines if line.startswith("### name: ")).removeprefix("### name: ").strip("'")
    options = [line.removeprefix(prefix).strip() for line in lines if line.startswith(f"{prefix} ")]
    return Job(name, options, script.parent)


@dataclass
class Cluster:
    """A scheduler's environment, a folder to run in, small inputs, how a job script's options begin, what was seen."""

    env: dict[str, str]
    folder: Path
    prefix: str
    seen: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> Path:
        return self.folder / "inputs"

    def start(self, name: str, profile: str, *options, config: str = "", parser: str = "v1") -> subprocess.Popen:
        """Start a run in a folder of its own, with the settings of a small run and those given."""
        if not self.inputs.exists():
            make_inputs(self.inputs)
        folder = self.folder / name
        folder.mkdir()
        # The strict parser of Nextflow 25.04 knows the profiles of the last configuration file alone.
        declared = " ".join(f"{name} {{ }};" for name in profile.split(","))
        (folder / "quick.config").write_text(f"{QUICK}{config}\nprofiles {{ {declared} }}\n")
        command = [
            ROOT / "setup/nextflow", "run", ROOT, "-ansi-log", "false", "-profile", profile, "-c", "quick.config",
            "--input", self.inputs / "atlases.csv", "--genomes", self.inputs / "genomes.csv", *SMALL, *options,
        ]  # fmt: skip
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=self.env | {"NXF_SYNTAX_PARSER": parser, "NXF_ANSI_LOG": "false"},
            stdin=subprocess.DEVNULL,
            stdout=(folder / "output.txt").open("w"),
            stderr=subprocess.STDOUT,
        )

    def end(self, name: str, started: subprocess.Popen, seconds: float) -> ClusterRun:
        """Wait for a run; one that does not end in time is stopped and fails the test."""
        folder = self.folder / name
        try:
            started.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{name} hangs:\n{(folder / 'output.txt').read_text()}") from None
        finally:
            if started.poll() is None:
                started.terminate()
                started.wait(timeout=60)
        output = (folder / "output.txt").read_text()
        return ClusterRun(started.returncode, output, folder / "results", folder / "work", self.prefix)

    def run(self, name: str, profile: str, *options, seconds: float = 300, **settings) -> ClusterRun:
        return self.end(name, self.start(name, profile, *options, **settings), seconds)
