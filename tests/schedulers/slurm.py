"""A real SLURM of one node in a folder of its own: its own munge, ports and state, nothing of the machine's touched."""

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schedulers.daemons import call, free_ports, stop, told_to_end, until

MEMORY_MB = 16_000
# config_overrides: the node has the memory that is written here, however much this machine has.
# OverMemoryKill: a job that takes more than it asked for is killed, without cgroups.
CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=0
MpiDefault=none
SwitchType=switch/none
SchedulerParameters=sched_interval=1,bf_interval=1
MinJobAge=30
GresTypes=gpu
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=gpu Nodes=localhost MaxTime=INFINITE State=UP
"""
# A stand-in device: SLURM counts it and hands it out, and a count without a device is refused.
DEVICES = "AutoDetect=off\nNodeName=localhost Name=gpu File=/dev/null\n"


@dataclass
class Slurm:
    """A running SLURM: the environment in which its commands find it, and its folder with the daemons' logs."""

    folder: Path
    env: dict[str, str]

    def run(self, *command: str) -> str:
        """What a command of SLURM prints."""
        return call(*command, env=self.env)

    def node(self, state: str) -> None:
        """Have the node drained, down or resumed."""
        self.run("scontrol", "update", "nodename=localhost", f"state={state}", "reason=test")

    def queue(self, states: str) -> str:
        """Names of the jobs in these states (R: running, PD: pending), as Nextflow names them."""
        return self.run("squeue", "--noheader", f"--states={states}", "--format=%j")

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in self.folder.glob("*.log"))


@contextmanager
def one_node_slurm(folder: Path):
    """Start munge, the controller and the node; at the end, end all jobs and stop them."""
    for part in ("spool", "state"):
        (folder / part).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    cpus, ports = len(os.sched_getaffinity(0)), free_ports(2)
    conf = folder / "slurm.conf"
    conf.write_text(CONFIGURATION.format(user=os.geteuid(), folder=folder, ports=ports, cpus=cpus, memory=MEMORY_MB))
    (folder / "gres.conf").write_text(DEVICES)
    slurm = Slurm(folder, os.environ | {"SLURM_CONF": str(conf)})
    munge = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    with told_to_end():
        try:
            slurm.run("munged", "--force", *(f"--{name}={folder}/munge.{suffix}" for name, suffix in munge.items()))
            slurm.run("slurmctld", "-f", str(conf))
            slurm.run("slurmd", "-N", "localhost", "-f", str(conf))
            until(lambda: slurm.run("sinfo", "--noheader", "--partition=cpu", "--format=%T") == "idle", 30, slurm.logs)
            yield slurm
        finally:
            subprocess.run(["scancel", "--full", f"--user={os.geteuid()}"], env=slurm.env, timeout=60)
            for name in ("slurmd", "slurmctld", "munge"):
                stop(folder / f"{name}.pid")
