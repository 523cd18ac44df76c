"""A real SLURM of one node, for tests: everything lies in one folder and ends with it."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "squeue")
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=4 RealMemory=8000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not():
    """Return why no SLURM can be started here; None if one can."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]
    if missing:
        return f"SLURM isn't installed: no {', '.join(missing)} (Debian: slurm-wlm and munge)"
    if os.geteuid() != 0:
        return "SLURM's daemons start jobs as other users, and only root may do that"
    return None


@contextmanager
def slurm_node(folder):
    """Start a SLURM in the folder; yield the environment in which its commands find it."""
    folder.chmod(0o755)
    (folder / "spool").mkdir()
    (folder / "slurm.conf").write_text(
        _CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            folder=folder,
            ports=_free_ports(2),
        )
    )
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    environment = {**os.environ, "PATH": _path(), "SLURM_CONF": str(folder / "slurm.conf")}
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    commands = {
        "munged": ["--foreground", "--force", f"--socket={folder}/munge.socket", *munge],
        "slurmctld": ["-D"],
        "slurmd": ["-D"],
    }
    daemons = []
    try:
        for program, options in commands.items():
            with (folder / f"{program}.out").open("w") as log:
                daemons.append(
                    subprocess.Popen([program, *options], env=environment, stdout=log, stderr=log)
                )
        _wait(lambda: "idle" in ask(environment, "sinfo", "-h", "-o", "%T"), folder)
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def run_batch(environment, folder, script, *options):
    """Submit a batch script to run in the folder, and wait until it is through."""
    (folder / "job.sh").write_text(script)
    job = ask(environment, "sbatch", "--parsable", *options, "job.sh", cwd=folder).strip()
    assert job.isdigit(), job
    # "sbatch --wait" looks every few seconds only.
    _wait(lambda: not ask(environment, "squeue", "-h", "-j", job), folder, 300)


def ask(environment, *command, **options):
    """Run one of SLURM's commands; return what it prints."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, **options
    )
    return done.stdout + done.stderr


def _path():
    """Return where commands are looked for; daemons lie where not every user looks."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def _free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(is_so, folder, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            logs = [f"{path}:\n{path.read_text()[-2000:]}" for path in folder.glob("*.out")]
            raise TimeoutError("SLURM doesn't do it\n" + "\n".join(logs))
        time.sleep(0.1)
