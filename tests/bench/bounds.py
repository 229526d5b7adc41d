"""What make bench-check demands: ratios between what was measured at the same time on the same machine, and sizes of
memory; never a time."""
import dataclasses

from results import is_irc, is_peer, tables_of


@dataclasses.dataclass(frozen=True)
class Bound:
    """`value` is None where there was nothing to compare with: that counts as missed."""
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


def ratio(ours, other):
    return ours / other if ours is not None and other else None


def is_ours(row):
    return row.kind == "ours"


def is_limit(row):
    return row.server == "limit"


def saturated(table):
    best = table.best
    size = f"{table.work['clients']} clients, saturated"
    rate = best("deliveries_per_s", True, is_ours)
    return [
        Bound(f"{size}: deliveries/s, ours to the best IRC server's",
              ratio(rate, best("deliveries_per_s", True, is_irc)), least=2),
        Bound(f"{size}: deliveries/s, ours to limit's",
              ratio(rate, best("deliveries_per_s", True, is_limit)), least=0.6),
        Bound(f"{size}: CPU per delivery, ours to the best IRC server's",
              ratio(best("cpu_us_per_delivery", False, is_ours), best("cpu_us_per_delivery", False, is_irc)), most=1),
    ]


def trickle(table):
    def to_best(name, wanted):
        return ratio(table.best(name, False, is_ours), table.best(name, False, wanted))
    size = f"{table.work['clients']} clients, trickle"
    return [
        Bound(f"{size}: p50, ours to the best peer's", to_best("p50_us", is_peer), most=1.2),
        Bound(f"{size}: p99, ours to the best peer's", to_best("p99_us", is_peer), most=1),
        Bound(f"{size}: CPU per delivery, ours to limit's", to_best("cpu_us_per_delivery", is_limit), most=3),
    ]


# what chat-session starts as, under each launcher
STARTED = (("pid1", "chat@.service"), ("inetd", "chat-session"), ("tcpserver", "chat-session"))


def started(runs):
    found = {(run["launcher"], run["name"]): run["ratio"] for run in runs if run["part"] == "start"}
    return [Bound(f"from connect to greeting, {name} to cat, by {launcher}", found.get((launcher, name)), most=1.5)
            for launcher, name in STARTED if found]


def memory(runs):
    most = {"session_pss_kb": 120, "chatd_heap_per_member_bytes": 1024}
    return [Bound(f"memory: {run['name']}, {run['members']} members", run["value"], most=most[run["name"]])
            for run in runs if run["part"] == "memory" and run["name"] in most]


def of(runs):
    """All bounds of what was measured."""
    kinds = {"saturated": saturated, "trickle": trickle}
    fanout = [bound for table in tables_of(runs, "fanout") for bound in kinds[table.work["name"]](table)]
    return fanout + started(runs) + memory(runs)
