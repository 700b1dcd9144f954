"""A real Grid Engine of one node in a folder of its own (its SGE_ROOT): nothing of the machine's set-up is touched."""

import getpass
import os
import re
import socket
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from schedulers.daemons import call, free_ports, program, stop, told_to_end, until

DEBIAN = Path("/usr/share/gridengine")
TOOLS = Path("/usr/lib/gridengine")
BOOTSTRAP = """
admin_user         none
default_domain     none
ignore_fqdn        true
spooling_method    classic
spooling_lib       libspoolc
spooling_params    {spool}
binary_path        /usr/sbin
qmaster_spool_dir  {folder}/qmaster
security_mode      none
listener_threads   2
worker_threads     2
scheduler_threads  1
"""


@dataclass
class GridEngine:
    """A running Grid Engine: the environment in which its commands find it, and its folder with the daemons' logs."""

    folder: Path
    env: dict[str, str]

    def run(self, *command) -> str:
        """What a command of Grid Engine prints."""
        return call(*command, env=self.env)

    def answers(self, *command: str) -> bool:
        """Whether the queue master is there and answers a command."""
        with suppress(AssertionError):
            return bool(self.run(*command))
        return False

    def change(self, option: str, text: str) -> None:
        """Hand a description to qconf, which takes files only."""
        file = self.folder / "change"
        file.write_text(text.strip() + "\n")
        self.run("qconf", option, str(file))

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in self.folder.rglob("messages"))


@contextmanager
def one_node_grid_engine(folder: Path):
    """Start the queue master and the node, with queues, a parallel environment and a GPU; stop them at the end."""
    host = socket.gethostname()
    common, spool = folder / "default/common", f"{folder}/default/common;{folder}/qmaster"
    for part in ("default/common", "qmaster/job_scripts", "execd"):
        (folder / part).mkdir(parents=True)
    (folder / "util").symlink_to(DEBIAN / "util")
    (common / "bootstrap").write_text(BOOTSTRAP.format(folder=folder, spool=spool).lstrip())
    (common / "act_qmaster").write_text(f"{host}\n")
    (common / "host_aliases").write_text(f"{host} localhost\n")
    text = (DEBIAN / "default-configuration").read_text().replace("/var/spool/gridengine/execd", f"{folder}/execd")
    text = re.sub("(?m)^(m.n_.id) .*", r"\1 0", text)  # root's jobs are refused otherwise
    (folder / "configuration").write_text(
        text.replace("00:00:40", "00:00:02")
    )  # a node is unknown until it has reported
    ports = dict(zip(("SGE_QMASTER_PORT", "SGE_EXECD_PORT"), map(str, free_ports(2)), strict=True))
    engine = GridEngine(folder, os.environ | ports | {"SGE_ROOT": str(folder), "SGE_CELL": "default"})
    tools = DEBIAN / "util/resources"
    engine.run(TOOLS / "spoolinit", "classic", "libspoolc", spool, "init")
    for kind, what in {
        "configuration": folder / "configuration",
        "complexes": tools / "centry",
        "usersets": tools / "usersets",
        "managers": getpass.getuser(),
    }.items():
        engine.run(TOOLS / "spooldefaults", kind, what)
    with told_to_end():
        try:
            engine.run("sge_qmaster")
            until(lambda: engine.answers("qconf", "-sh"), 30, engine.logs)
            engine.run("qconf", "-as", host)
            engine.run("sge_execd")
            for environment in (tools / "pe").iterdir():  # the template of a queue names them all
                engine.run("qconf", "-Ap", environment)
            engine.change("-Mc", engine.run("qconf", "-sc") + "\ngpu gpu INT <= YES JOB 0 0")
            quick = re.sub(r"(?m)^(flush_\w+_sec) .*", r"\1 1", engine.run("qconf", "-ssconf"))
            engine.change("-Msconf", quick.replace("0:0:15", "0:0:1").replace("np_load_avg=0.50", "NONE"))
            queue = {"hostlist": host, "slots": 2, "load_thresholds": "NONE"}
            for name in ("cpu.q", "gpu.q"):
                # Grid Engine's own template, which many sites keep: jobs are read by csh unless they say otherwise.
                engine.run("env", "EDITOR=true", program("qconf"), "-aq", name)
                for attribute, value in queue.items():
                    engine.run("qconf", "-rattr", "queue", attribute, value, name)
            until(lambda: "lx-" in engine.run("qhost"), 30, engine.logs)
            engine.run("qconf", "-rattr", "exechost", "complex_values", "gpu=1", host)
            yield engine
        finally:
            subprocess.run(["qdel", "-f", "-u", getpass.getuser()], env=engine.env, timeout=60)
            for pid in (*folder.glob("execd/*/execd.pid"), folder / "qmaster/qmaster.pid"):
                stop(pid)
