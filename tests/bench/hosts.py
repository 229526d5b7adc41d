"""The same chat servers on several hosts, linked to each other; tests/system/in-hosts has booted these."""
import os
import shutil

import servers
from servers import ESTABLISHED, LISTENING, await_that, count_sockets, processes_of

HUB = "10.0.0.254"  # where the clients are: at the bridge between the hosts
NATS_PORT = 4222
NATS = "build/nats/usr/sbin/nats-server"


class Host:
    def __init__(self, number, init):
        self.name, self.address, self.init = "abc"[number], f"10.0.0.{number + 1}", init
        with open(f"/proc/{init}/cgroup", encoding="ascii") as file:
            rows = [row.strip().split(":", 2) for row in file]
        path = next(path for _, controllers, path in rows
                    if controllers == ("name=systemd" if servers.CGROUPS.endswith("/systemd") else ""))
        self.cgroups = f"{servers.CGROUPS}{os.path.dirname(path)}/system.slice"

    def command(self, *words):
        return servers.command("nsenter", "-m", "-u", "-i", "-n", "-p", "-C", "-t", str(self.init), "--",
                               "sh", "-c", 'cd "$0" && exec "$@"', os.getcwd(), *words)

    def path(self, there):
        return f"/proc/{self.init}/root{there}"

    def write(self, there, text):
        with open(self.path(there), "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, unit, user, words):
        self.command(*servers.words_of_unit(unit, user, words))

    def stop(self, *units):
        """Stops the servers that run."""
        self.command("sh", "-c", f"systemctl stop {' '.join(units)} 2>/dev/null; systemctl reset-failed")

    def count_sockets(self, port, state):
        return count_sockets(port, state, f"/proc/{self.init}/net/tcp")


class Linked:
    """One server on each host. `where`, `targets`, `cgroups`: as in servers.Server."""
    kind, irc, protocol = "peer", True, ("--irc", "--connecting=256")

    def __init__(self, name, hosts, hub, port, units):
        self.name, self.hosts, self.port, self.units = name, hosts, port, units
        self.where = ("nsenter", f"--net=/run/netns/{hub}", "--")

    def targets(self):
        return [f"{host.address}:{self.port}" for host in self.hosts]

    def cgroups(self):
        return [f"{host.cgroups}/{unit}" for host in self.hosts for unit in self.units]


class Irc(Linked):
    """The first host is linked to each other."""
    LINK_PORT = 7100

    def __init__(self, name, hosts, hub, port, words):
        self.unit = f"bench-{name}.service"
        super().__init__(name, hosts, hub, port, [self.unit])
        self.words = words
        with open(f"tests/bench/peers/{name}.conf", encoding="utf-8") as file:
            self.settings = file.read()

    def links_of(self, host):
        return self.hosts[1:] if host is self.hosts[0] else self.hosts[:1]

    def settings_of(self, host):
        raise NotImplementedError

    def start(self):
        for host in self.hosts:
            host.write(f"/run/bench-peers/{self.name}.conf", self.settings_of(host))
            host.start(self.unit, "irc", self.words)
            await_that(f"{self.name} listens on {host.name}", lambda: host.count_sockets(self.port, LISTENING))
        await_that(f"{self.name} is linked", lambda: self.hosts[0].count_sockets(self.LINK_PORT, ESTABLISHED) ==
                   len(self.hosts) - 1)

    def stop(self):
        for host in self.hosts:
            host.stop(self.unit)


class Inspircd(Irc):
    def settings_of(self, host):
        name = f'name="{host.name}.example.net" id="{self.hosts.index(host)}AA"'
        parts = [self.settings.replace('name="bench.example.net"', name), '<module name="spanningtree">',
                 f'<bind address="0.0.0.0" port="{self.LINK_PORT}" type="servers">']
        for other in self.links_of(host):
            parts.append(f'<link name="{other.name}.example.net" ipaddr="{other.address}" port="{self.LINK_PORT}" '
                         f'allowmask="10.0.0.0/24" timeout="30" sendpass="bench" recvpass="bench">')
            if host is not self.hosts[0]:
                parts.append(f'<autoconnect period="2" server="{other.name}.example.net">')
        return "\n".join(parts) + "\n"


class Ngircd(Irc):
    def settings_of(self, host):
        parts = [self.settings.replace("bench.example.net", f"{host.name}.example.net")
                 .replace(f"Ports = {self.port}", f"Ports = {self.port}, {self.LINK_PORT}")
                 .replace("[Limits]", "[Limits]\nConnectRetry = 5")]
        for other in self.links_of(host):
            parts.append(f"[Server]\nName = {other.name}.example.net\nMyPassword = bench\nPeerPassword = bench")
            if host is self.hosts[0]:
                parts.append("Passive = yes")
            else:
                parts.append(f"Host = {other.address}\nPort = {self.LINK_PORT}")
        return "\n".join(parts) + "\n"


class Chat(Linked):
    """Ours with chat-link, and one NATS server, on the first host, with JetStream or without."""
    kind, irc, protocol = "ours", False, ("--greeted",)
    UNITS = ("chat.socket", "chat-link.socket", "chat-link.service", "chatd.socket", "chatd.service")

    def __init__(self, hosts, hub, jetstream):
        super().__init__("chat" if jetstream else "chat, no JetStream", hosts, hub, 8888,
                         ["chatd.service", "chat-link.service", "system-chat.slice", "bench-nats.service"])
        self.jetstream = jetstream

    def start(self):
        first = self.hosts[0]
        store = "jetstream { store_dir: /run/bench-nats, max_file_store: 1G, max_memory_store: 64M }\n"
        first.write("/run/bench-nats.conf", f"listen: {first.address}:{NATS_PORT}\n{store if self.jetstream else ''}")
        first.start("bench-nats.service", "root", (f"{os.getcwd()}/{NATS}", "-c", "/run/bench-nats.conf"))
        await_that("the NATS server listens", lambda: first.count_sockets(NATS_PORT, LISTENING))
        for host in self.hosts:
            host.write("/etc/chat/link.conf", f"Servers=nats://{first.address}:{NATS_PORT}\nHost={host.name}\n")
            host.command("systemctl", "start", *self.UNITS)
        for host in self.hosts:
            await_that(f"{host.name} is linked",
                       lambda: host.command("systemctl", "show", "-P", "StatusText", "chat-link").startswith("linked"))

    def stop(self):
        for host in self.hosts:
            await_that("all sessions ended", lambda: not processes_of(f"{host.cgroups}/system-chat.slice"))
            host.stop(*self.UNITS)
            shutil.rmtree(host.path("/var/lib/chat-link"), ignore_errors=True)
        self.hosts[0].stop("bench-nats.service")
        shutil.rmtree(self.hosts[0].path("/run/bench-nats"), ignore_errors=True)


def boot():
    """Returns the hosts, with everything installed, and the network where the clients are."""
    hub = os.environ["HOSTS_HUB"]
    hosts = [Host(number, int(init)) for number, init in enumerate(os.environ["HOSTS_INITS"].split())]
    servers.command("ip", "-n", hub, "address", "add", f"{HUB}/24", "dev", "bridge0")
    for host in hosts:
        host.command("tests/bench/servers.py")
    return hosts, hub


def everybody(hosts, hub):
    found = []
    if os.access(NATS, os.X_OK):
        found += [Chat(hosts, hub, jetstream=True), Chat(hosts, hub, jetstream=False)]
    if os.path.exists(hosts[0].path("/usr/sbin/inspircd")):
        found.append(Inspircd("inspircd", hosts, hub, 7003, servers.INSPIRCD))
    if os.path.exists(hosts[0].path("/usr/sbin/ngircd")):
        found.append(Ngircd("ngircd", hosts, hub, 7004, servers.NGIRCD))
    return found
