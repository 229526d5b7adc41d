"""The bounds of make bench-check: ratios between values measured at the same time on the same machine, and sizes of
memory; never a time."""
import dataclasses

from results import is_irc, is_peer, tables_of


@dataclasses.dataclass(frozen=True)
class Bound:
    """`value` is None if there was nothing to compare with: that counts as missed."""
    what: str
    value: float | None
    least: float | None = None
    most: float | None = None

    def is_met(self):
        return self.value is not None and (self.least is None or self.value >= self.least) and \
            (self.most is None or self.value <= self.most)

    def __str__(self):
        value = "not measured" if self.value is None else f"{self.value:.2f}"
        bound = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"{'ok    ' if self.is_met() else 'MISSED'} {self.what}: {value}, {bound}"


def is_limit(row):
    return row.server == "limit"


def to_best(table, name, more_is_better, wanted, server="chat"):
    """Returns the ratio of ours, which has the name `server`, to that of the servers `wanted` for which it is worst."""
    ours = table.named(server)
    if not ours:
        return None
    ratios = [ours.to(row, name) for row in table.rows if wanted(row) and row.has(name)] if ours.has(name) else []
    known = [ratio for ratio in ratios if ratio is not None]
    return (min if more_is_better else max)(known) if known else None


# A process for each client costs what limit-sessions shows, which has nothing else: RESULTS.md. Where that is less than the
# goal, ours must reach this part of it. With few clients these processes are most of the cost.
FEW_CLIENTS = 10
PART_OF_POSSIBLE, PART_OF_POSSIBLE_FEW = 0.9, 0.7


def deliveries(table, size, name, wanted, goal, floor=0):
    """The goal, or what is possible if that is less, but `floor` or more."""
    what, value = f"{size}: deliveries/s, ours to {name}", to_best(table, "deliveries_per_s", True, wanted)
    possible = to_best(table, "deliveries_per_s", True, wanted, "limit-sessions")
    part = PART_OF_POSSIBLE_FEW if table.work["clients"] <= FEW_CLIENTS else PART_OF_POSSIBLE
    if possible is None or part * possible >= goal:
        return Bound(what, value, least=goal)
    return Bound(f"{what} (limit-sessions: {possible:.2f}; the goal is {goal:g})", value,
                 least=round(max(part * possible, floor), 2))


def deliveries_to_limit(table, size):
    few = table.work["clients"] <= FEW_CLIENTS
    return deliveries(table, size, "limit's", is_limit, 0.6 if few else 0.8, 0 if few else 0.6)


def saturated(table):
    size = f"{table.work['clients']} clients, saturated"
    return [
        deliveries(table, size, "the best IRC server's", is_irc, 2, 0 if table.work["clients"] <= FEW_CLIENTS else 2),
        deliveries_to_limit(table, size),
        Bound(f"{size}: CPU per delivery, ours to the best IRC server's",
              to_best(table, "cpu_us_per_delivery", False, is_irc), most=1),
    ] + irc(table) + websocket(table)


def short_lines(table):
    size = f"{table.work['clients']} clients, lines of {table.work['bytes']} bytes, saturated"
    return [deliveries_to_limit(table, size)]


def is_websocket_limit(row):
    return row.server == "limit, WebSocket"


def websocket(table):
    """Ours with clients that have a WebSocket."""
    if table.work["clients"] <= FEW_CLIENTS:
        return []
    return [Bound(f"{table.work['clients']} clients with a WebSocket, saturated: deliveries/s, to those of limit with them",
                  to_best(table, "deliveries_per_s", True, is_websocket_limit, "chat, WebSocket"), least=0.5)]


def is_plain(row):
    return row.server == "chat"


def irc(table):
    """Ours with clients of IRC."""
    size = f"{table.work['clients']} clients of IRC, saturated"
    bounds = [Bound(f"{size}: CPU per delivery, to that with plain clients",
                    to_best(table, "cpu_us_per_delivery", False, is_plain, "chat, IRC"), most=1.25)]
    if table.work["clients"] >= 100:
        bounds.append(Bound(f"{size}: deliveries/s, to the best IRC server's",
                            to_best(table, "deliveries_per_s", True, is_irc, "chat, IRC"), least=2))
    return bounds


def trickle(table):
    size = f"{table.work['clients']} clients, trickle"
    return [
        Bound(f"{size}: p50, ours to the best peer's", to_best(table, "p50_us", False, is_peer), most=1.2),
        Bound(f"{size}: p99, ours to the best peer's", to_best(table, "p99_us", False, is_peer), most=1),
        Bound(f"{size}: CPU per delivery, ours to limit's",
              to_best(table, "cpu_us_per_delivery", False, is_limit), most=1.35),
    ]


# the name of chat-session's start under each launcher, and the bound
STARTED = (("pid1", "chat@.service", 1.5), ("pid1", "chat-irc@.service", 1.65), ("inetd", "chat-session", 1.5),
           ("tcpserver", "chat-session", 1.5))


def started(runs):
    found = {(run["launcher"], run["name"]): run["ratio"] for run in runs if run["part"] == "start"}
    return [Bound(f"from connect to greeting, {name} to cat, by {launcher}", found.get((launcher, name)), most=most)
            for launcher, name, most in STARTED if found]


def crowd(runs):
    return [Bound("2000 people arrive at once, chat-session to cat, by tcpserver", run["ratio"], most=2)
            for run in runs if run["part"] == "crowd"]


# With fewer sessions each has a larger share of libc's pages: few other programs run in the booted system.
MEMORY_MEMBERS_MIN = 200


def memory(runs):
    most = {"session_pss_kb": 102, "irc_session_pss_kb": 102, "web_session_pss_kb": 136,
            "chatd_heap_per_member_bytes": 768}
    return [Bound(f"memory: {run['name']}, {run['members']} members", run["value"], most=most[run["name"]])
            for run in runs if run["part"] == "memory" and run["name"] in most and run["members"] >= MEMORY_MEMBERS_MIN]


def of(runs):
    """Returns all bounds of the measured values."""
    kinds = {"saturated": saturated, "short lines": short_lines, "trickle": trickle}
    fanout = [bound for table in tables_of(runs, "fanout") for bound in kinds[table.work["name"]](table)]
    return fanout + started(runs) + crowd(runs) + memory(runs)
