"""The results of the runs: the median of each number over the rounds, and their range."""
import dataclasses
import json
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    median: float
    least: float
    most: float

    @staticmethod
    def of(numbers):
        return Spread(statistics.median(numbers), min(numbers), max(numbers))


def why_it_failed(values):
    """Returns the error of a run, or None."""
    if "failed" in values:
        return values["failed"]
    if values["lost"]:
        return f"lost {values['lost']:.0f} of {values['lost'] + values['deliveries']:.0f} deliveries"
    if values["disordered"]:
        return f"{values['disordered']:.0f} lines came twice or out of order"
    return None


def with_derived(values, work):
    """Adds numbers that follow from load's. Lines of others were delivered by the same server at the same time, so
    they count in the cost of a delivery."""
    if "failed" in values:
        return values
    delivered = values["deliveries"] + values["others"]
    if "far_p50_us" in values:
        values = values | {"added_us": values["far_p50_us"] - values["p50_us"]}
    return values | {
        "connect_us_per_client": values["connect_us"] / work["clients"],
        "us_per_line": values["took_us"] / values["lines"],
        "pss_kb_per_client": values["pss_kb"] / work["clients"],
        "cpu_us_per_delivery": values["cpu_us_per_delivery"] * values["deliveries"] / delivered if delivered else 0,
    }


class Row:
    """All rounds of one server at one work. If one of them failed, `failed` says why, and there are no numbers."""

    def __init__(self, runs):
        self.server, self.kind, self.irc = runs[0]["server"], runs[0]["kind"], runs[0]["irc"]
        self.runs = [with_derived(run["values"], run["work"]) for run in runs]
        reasons = [reason for reason in map(why_it_failed, self.runs) if reason]
        self.failed = f"{len(reasons)} of {len(runs)} rounds failed: {reasons[0]}" if reasons else None

    def has(self, name):
        return not self.failed and all(name in values for values in self.runs)

    def spread(self, name):
        return Spread.of([values[name] for values in self.runs])

    def to(self, other, name):
        """The median of the ratios within each round: the runs of one are half a minute apart, so a machine that is busy at
        times is so for both. None where there is nothing to compare with."""
        ratios = [ours[name] / others[name] for ours, others in zip(self.runs, other.runs) if others[name]]
        return statistics.median(ratios) if ratios else None


class Table:
    """All servers at one work: a dict as in measure's Work."""

    def __init__(self, work, rows):
        self.work, self.rows = work, rows

    def named(self, name):
        return next((row for row in self.rows if row.server == name), None)

    def best(self, name, most, wanted):
        """Returns the best median of a number among the rows that are `wanted` and did not fail, or None."""
        medians = [row.spread(name).median for row in self.rows if wanted(row) and row.has(name)]
        return (max(medians) if most else min(medians)) if medians else None


def is_peer(row):
    return row.kind == "peer"


def is_irc(row):
    """Another IRC server."""
    return row.irc and is_peer(row)


def tables_of(runs, part):
    """Returns the works in the order in which they ran first; the servers of each as measure lists them."""
    works = {}
    for run in runs:
        if run["part"] == part and "work" in run:
            key = json.dumps(run["work"], sort_keys=True)
            works.setdefault(key, {}).setdefault(run["server"], []).append(run)
    order = {"ours": 0, "peer": 1, "baseline": 2}
    return [Table(next(iter(by_server.values()))[0]["work"],
                  sorted(map(Row, by_server.values()), key=lambda row: order[row.kind]))
            for by_server in works.values()]
