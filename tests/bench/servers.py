#!/usr/bin/python3 -B
"""The chat servers that are measured, each a unit of the booted system that this runs in.

Every server is started anew for every run and stopped after it, so that no run finds what another has left. Whoever
starts one stops it, also after a failure. A server may be missing (a package that could not be had): has() says so."""
import os
import shutil
import subprocess
import time

BIND = "127.0.0.1"
DEADLINE_S = 30
FILES_MAX = 524288
DROP_INS = "/run/systemd/system"
INSPIRCD = ("/usr/sbin/inspircd", "--nofork", "--nopid", "--config=/run/bench-peers/inspircd.conf")
NGIRCD = ("/usr/sbin/ngircd", "--nodaemon", "--config", "/run/bench-peers/ngircd.conf")


def command(*words):
    """Runs a command to its end and returns its output. Raises RuntimeError with that if it fails."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


def await_that(what, condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {DEADLINE_S} s: not {what}")
        time.sleep(0.02)


LISTENING, ESTABLISHED = "0A", "01"  # enum in the kernel's net/tcp_states.h


def count_sockets(port, state, table="/proc/net/tcp"):
    """Asks the kernel, because a connection would count as a client."""
    with open(table, encoding="ascii") as rows:
        return sum(row.split()[3] == state and row.split()[1].endswith(f":{port:04X}") for row in rows)


# the cgroups of systemd's units
CGROUPS = "/sys/fs/cgroup/systemd" if os.path.isdir("/sys/fs/cgroup/systemd") else "/sys/fs/cgroup"


def cgroup_of_system():
    """The directory that has a directory for the cgroup of each unit."""
    return CGROUPS + command("systemctl", "show", "-P", "ControlGroup", "system.slice").strip()


def processes_of(cgroup):
    """The ids of all processes in the directory and below."""
    found = []
    for directory, _, _ in os.walk(cgroup):
        try:
            with open(f"{directory}/cgroup.procs", encoding="ascii") as file:
                found += map(int, file.read().split())
        except OSError:
            pass  # it went meanwhile
    return found


def cpu_of_init_ns():
    with open("/proc/1/schedstat", encoding="ascii") as numbers:
        return int(numbers.read().split()[0])


def init_is_quiet():
    before = cpu_of_init_ns()
    time.sleep(0.1)
    return cpu_of_init_ns() - before < 5_000_000


def words_of_unit(unit, user, words):
    """Returns the command that runs `words` as a unit. All servers have the same limits, which are none."""
    return ("systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--property=LimitNOFILE={FILES_MAX}",
            "--property=LimitNPROC=infinity", "--property=TasksMax=infinity", f"--property=User={user}",
            f"--working-directory={os.getcwd()}", "--property=StandardOutput=null", *words)


class Server:
    """A server that is a single process. `protocol`: the options that load needs for it; `kind`: "peer", or "baseline" if
    it is not usable as a chat; `irc`: true for an IRC server."""

    def __init__(self, name, port, words, kind="peer", irc=False, protocol=(), user="nobody"):
        self.name, self.port, self.words, self.kind, self.irc = name, port, words, kind, irc
        self.protocol = protocol
        self.where = ()  # the beginning of the command that runs load
        self.user = user
        self.unit = f"bench-{name.replace(', ', '-')}.service"

    def has(self):
        return shutil.which(self.words[0]) is not None

    def targets(self):
        return [f"{BIND}:{self.port}"]

    def cgroups(self):
        return [f"{cgroup_of_system()}/{self.unit}"]

    def start(self):
        command(*words_of_unit(self.unit, self.user, self.words))
        await_that(f"{self.name} listens", lambda: count_sockets(self.port, LISTENING))

    def stop(self):
        subprocess.run(("systemctl", "stop", self.unit), stderr=subprocess.DEVNULL, check=False)
        await_that("quiet", init_is_quiet)


class Chat(Server):
    """Ours, as installed: the units in units/, with the same limits lifted as for the others. `front` is its unit for a
    kind of clients, and `program` serves one of them."""

    def __init__(self, name="chat", port=8888, front="chat", program="chat-session", irc=False, protocol=("--greeted",)):
        super().__init__(name, port, (), kind="ours", irc=irc, protocol=protocol)
        self.front, self.program = front, program

    def has(self):
        return True

    def install(self):
        """Installs the programs, and lifts the limits of this kind of clients."""
        command("make", "--no-print-directory", "install")
        self.drop_in(f"{self.front}.socket", f"[Socket]\nListenStream=\nListenStream=0.0.0.0:{self.port}\n"
                     "MaxConnections=100000\nMaxConnectionsPerSource=100000\n")
        with open("/etc/chat/chat.conf", "w", encoding="utf-8") as file:
            file.write("MembersPerNetwork=off\n")
        self.drop_in(f"{self.front}@.service",
                     f"[Service]\nExecStart=\nExecStart=/usr/local/sbin/{self.program} --pace=off\n")
        command("systemctl", "daemon-reload")

    @staticmethod
    def drop_in(unit, text):
        os.makedirs(f"{DROP_INS}/{unit}.d", exist_ok=True)
        with open(f"{DROP_INS}/{unit}.d/bench.conf", "w", encoding="utf-8") as file:
            file.write(text)

    def cgroups(self):
        instances = self.front.replace("-", "\\x2d")
        return [f"{cgroup_of_system()}/chatd.service", f"{cgroup_of_system()}/system-{instances}.slice"]

    def sessions(self):
        return processes_of(self.cgroups()[1])

    def start(self):
        # PID 1 limits how often a unit starts
        command("systemctl", "reset-failed")
        command("systemctl", "start", f"{self.front}.socket", "chatd.service")

    def stop(self):
        await_that("all sessions ended", lambda: not self.sessions())
        command("systemctl", "stop", f"{self.front}.socket", "chatd.socket", "chatd.service")
        await_that("quiet", init_is_quiet)


class Launched(Server):
    """Ours again, but from a tcpserver, with a chatd beside it and no units."""

    def __init__(self):
        run_dir, programs = "/run/bench-chat", "/usr/local/sbin"
        script = f"{programs}/chatd --run-dir={run_dir} --members-per-network=off & exec tcpserver -HRDl0 -c 100000 -b 4096 {BIND} 8889 " \
            f"{programs}/chat-session --run-dir={run_dir} --pace=off"
        super().__init__("tcpserver", 8889, ("/bin/sh", "-c", script), kind="ours", protocol=("--greeted",),
                         user="root")


def install_peers():
    """Debian's packages, unpacked by make, into the root of the booted system, of which nothing stays."""
    if os.path.isdir("build/peers/usr"):
        command("cp", "-a", "build/peers/usr", "/")
        command("ldconfig")
    # it reads its settings as user irc, which may not enter a home directory
    shutil.copytree("tests/bench/peers", "/run/bench-peers", dirs_exist_ok=True)


def ours():
    chat = Chat()
    chat.install()
    return chat


def chat_by_irc():
    """Returns ours with clients of IRC."""
    chat = Chat("chat, IRC", 6667, "chat-irc", "chat-irc", irc=True, protocol=("--irc",))
    chat.install()
    return chat


def chat_by_websocket():
    """Returns ours with clients that have a WebSocket, as the page has."""
    chat = Chat("chat, WebSocket", 8880, "chat-web", "chat-web", protocol=("--websocket", "--greeted"))
    chat.install()
    return chat


def everybody():
    """Returns all available servers, ours first."""
    install_peers()
    chats = [ours(), chat_by_irc(), chat_by_websocket()]
    here = os.getcwd()
    others = [
        # it accepts clients once a second
        Server("inspircd", 7003, INSPIRCD, irc=True, user="irc", protocol=("--irc", "--connecting=256")),
        Server("ngircd", 7004, NGIRCD, irc=True, user="irc", protocol=("--irc",)),
        # its backlog is 10, and faster connections are lost
        Server("ncat", 7005, ("/usr/bin/ncat", "--chat", "-k", "-l", "-m", "2000", "0.0.0.0", "7005"),
               protocol=("--greeted", "--connecting=4")),
        Server("line-relay", 7002, (f"{here}/tests/bench/line-relay.py", "7002"), kind="baseline", user="root"),
        Server("limit", 7001, (f"{here}/build/tests/bench/limit", "7001"), kind="baseline", user="root"),
        Server("limit, WebSocket", 7007, (f"{here}/build/tests/bench/limit", "--websocket", "7007"), kind="baseline",
               protocol=("--websocket",), user="root"),
        Server("limit-sessions", 7006, (f"{here}/build/tests/bench/limit-sessions", "7006"), kind="baseline",
               user="root"),
    ]
    return chats + [server for server in others if server.has()]


if __name__ == "__main__":  # on a host that was just booted
    everybody()
