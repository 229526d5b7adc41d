"""A run: a server is started, clients do their work at it, and load prints the numbers."""
import dataclasses
import json
import subprocess

import bystanders
from progress import Progress

LOAD = "build/tests/bench/load"
CONNECT_S_PER_CLIENT = 0.006  # for what is left to be shown, and to give up in time
AROUND_S = 1.0


@dataclasses.dataclass(frozen=True)
class Work:
    """The work of the clients: `seconds` long, as fast as possible or `rate` lines a second. `line_per_call`: a client
    sends each line in a call of its own, not all that are due in one. `beside`: what another client does in that time,
    one of bystanders.KINDS. `only`: names of the servers, if not all do it."""
    name: str
    clients: int
    seconds: float
    rate: int = 0
    bytes: int = 80
    in_flight: int = 256
    senders: int = 10
    line_per_call: bool = False
    beside: str = ""
    hosts: int = 1
    rounds: int = 5
    only: tuple[str, ...] = ()

    def options(self):
        pace = f"--rate={self.rate}" if self.rate else f"--in-flight={self.in_flight}"
        return [f"--clients={self.clients}", f"--senders={min(self.clients, self.senders)}", f"--bytes={self.bytes}",
                f"--seconds={self.seconds}", pace, *(["--line-per-call"] if self.line_per_call else [])]

    def servers(self, everybody):
        return [server for server in everybody if not self.only or server.name in self.only]

    def weight(self):
        return self.seconds + AROUND_S + CONNECT_S_PER_CLIENT * self.clients


def run_load(server, work):
    """Returns load's numbers by name, or only "failed" with the reason."""
    words = [*server.where, LOAD, *work.options(), "--memory", *server.protocol,
             *(f"--cgroup={cgroup}" for cgroup in server.cgroups()), *server.targets()]
    limit = 60 + 4 * work.weight()
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"failed": f"was not done after {limit:.0f} s"}
    if done.returncode != 0:
        return {"failed": done.stderr.strip().removeprefix("load: ")}
    return {name: float(number) for name, number in (line.split() for line in done.stdout.splitlines())}


def run_fresh(server, work):
    try:
        try:
            server.start()
            with bystanders.KINDS[work.beside](server):
                return run_load(server, work)
        finally:
            server.stop()
    except RuntimeError as error:
        return {"failed": str(error)}


def run_rounds(part, works, everybody):
    """Each round has all works, and each work all servers, which take turns at being first."""
    progress = Progress([work.weight() * work.rounds for work in works for _ in work.servers(everybody)])
    rounds = max(work.rounds for work in works)
    for number in range(rounds):
        first = number % len(everybody)
        for work in (work for work in works if number < work.rounds):
            for server in work.servers(everybody[first:] + everybody[:first]):
                progress.begin_step(f"{part}, round {number + 1} of {work.rounds}: {server.name}, {work.name}, "
                                    f"{work.clients} clients")
                values = run_fresh(server, work)
                print(json.dumps({"part": part, "round": number, "server": server.name, "kind": server.kind,
                                  "irc": server.irc, "work": dataclasses.asdict(work), "values": values}), flush=True)
                progress.end_step(work.weight())
    progress.end()
