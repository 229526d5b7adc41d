#!/usr/bin/python3 -B
"""The chat servers that are measured, each a unit of the booted system that this runs in.

Every server is started anew for every run and stopped after it, so that no run finds what another has left. Whoever
starts one stops it, also after a failure. A server may be missing (a package that could not be had): has() says so."""
import os
import re
import shutil
import subprocess
import time

BIND = "127.0.0.1"
DEADLINE_S = 30
FILES_MAX = 524288
DROP_INS = "/run/systemd/system"
FILES = "/run/bench-peers"  # readable for all users
INSPIRCD = ("/usr/sbin/inspircd", "--nofork", "--nopid", f"--config={FILES}/inspircd.conf")
NGIRCD = ("/usr/sbin/ngircd", "--nodaemon", "--config", f"{FILES}/ngircd.conf")
ERGO = ("/bin/sh", "-c", f"ergochat initdb --conf {FILES}/ergo.yaml; exec ergochat run --conf {FILES}/ergo.yaml")
NODELAY = f"{FILES}/nodelay.so"
NEWER = "build/newer-peers"


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


def words_of_unit(unit, user, words, properties=()):
    """Returns the command that runs `words` as a unit. All servers have the same limits, which are none."""
    return ("systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--property=LimitNOFILE={FILES_MAX}",
            "--property=LimitNPROC=infinity", "--property=TasksMax=infinity", f"--property=User={user}",
            "--property=StandardOutput=null", *(f"--property={text}" for text in properties), *words)


class Server:
    """A server that is a single process. `protocol`: the options that load needs for it; `kind`: "peer", or "baseline" if
    it is not usable as a chat; `irc`: true for an IRC server; `nodelay`: true for one without Nagle's algorithm that has no
    setting for it."""

    def __init__(self, name, port, words, kind="peer", irc=False, protocol=(), user="nobody", nodelay=False):
        self.name, self.port, self.words, self.kind, self.irc = name, port, words, kind, irc
        self.protocol = protocol
        self.where = ()  # the beginning of the command that runs load
        self.user = user
        self.unit = f"bench-{re.sub('[^a-z0-9]+', '-', name)}.service"
        self.properties = (f"Environment=LD_PRELOAD={NODELAY}",) if nodelay else ()

    def has(self):
        return shutil.which(self.words[0]) is not None

    def targets(self):
        return [f"{BIND}:{self.port}"]

    def cgroups(self):
        return [f"{cgroup_of_system()}/{self.unit}"]

    def start(self):
        command(*words_of_unit(self.unit, self.user, self.words, self.properties))
        await_that(f"{self.name} listens", lambda: count_sockets(self.port, LISTENING))

    def stop(self):
        subprocess.run(("systemctl", "stop", self.unit), stderr=subprocess.DEVNULL, check=False)
        await_that("quiet", init_is_quiet)


class Newer(Server):
    """An IRC server of a newer Debian, in the directory that tests/bench/newer-peers made."""

    def __init__(self, name, release, port, words, program, **options):
        super().__init__(name, port, words, irc=True, **options)
        root = f"{os.getcwd()}/{NEWER}/{release}"
        self.program = f"{root}{program}"
        self.properties += (f"RootDirectory={root}", "MountAPIVFS=yes", "PrivateTmp=yes", f"BindReadOnlyPaths={FILES}")

    def has(self):
        return os.path.exists(self.program)


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
    shutil.copytree("tests/bench/peers", FILES, dirs_exist_ok=True)
    if os.path.exists("build/tests/bench/nodelay.so"):
        shutil.copy("build/tests/bench/nodelay.so", FILES)


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


def ncat(name, nodelay):
    # its backlog is 10, and faster connections are lost
    return Server(name, 7005, ("/usr/bin/ncat", "--chat", "-k", "-l", "-m", "2000", "0.0.0.0", "7005"),
                  protocol=("--greeted", "--connecting=4"), nodelay=nodelay)


# It accepts clients once a second.
INSPIRCD_PROTOCOL = ("--irc", "--connecting=256")


def newest():
    """Returns the newest servers that Debian has, and the others, all without Nagle's algorithm as well if they have it."""
    install_peers()
    servers = [ours()]
    for nodelay, ending in ((False, ""), (True, ", no delay")):
        servers += [
            Newer(f"inspircd of trixie{ending}", "trixie", 7003, INSPIRCD, INSPIRCD[0], protocol=INSPIRCD_PROTOCOL, nodelay=nodelay),
            Newer(f"ngircd of forky{ending}", "forky", 7004, NGIRCD, NGIRCD[0], protocol=("--irc",), nodelay=nodelay),
            ncat(f"ncat{ending}", nodelay),
        ]
    # Go's connections have no delay.
    servers.append(Newer("ergo of forky", "forky", 7010, ERGO, "/usr/bin/ergochat", protocol=("--irc",)))
    servers.append(limit())
    return [server for server in servers if server.has()]


def limit():
    return Server("limit", 7001, (f"{os.getcwd()}/build/tests/bench/limit", "7001"), kind="baseline", user="root")


def everybody():
    """Returns all available servers, ours first."""
    install_peers()
    chats = [ours(), chat_by_irc(), chat_by_websocket()]
    here = os.getcwd()
    others = [
        Server("inspircd", 7003, INSPIRCD, irc=True, user="irc", protocol=INSPIRCD_PROTOCOL),
        Server("ngircd", 7004, NGIRCD, irc=True, user="irc", protocol=("--irc",)),
        ncat("ncat", nodelay=False),
        Server("line-relay", 7002, (f"{here}/tests/bench/line-relay.py", "7002"), kind="baseline", user="root"),
        limit(),
        Server("limit, WebSocket", 7007, (f"{here}/build/tests/bench/limit", "--websocket", "7007"), kind="baseline",
               protocol=("--websocket",), user="root"),
        Server("limit-sessions", 7006, (f"{here}/build/tests/bench/limit-sessions", "7006"), kind="baseline",
               user="root"),
    ]
    return chats + [server for server in others if server.has()]


def named(*names):
    return [server for server in everybody() if server.name in names]


if __name__ == "__main__":  # on a host that was just booted
    everybody()
