"""What the runs said, put together: the median of each number over the rounds, and how far apart they were."""
import dataclasses
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
    """Returns what is wrong with a run, or None."""
    if "failed" in values:
        return values["failed"]
    if values["lost"]:
        return f"lost {values['lost']:.0f} of {values['lost'] + values['deliveries']:.0f} lines"
    if values["disordered"]:
        return f"{values['disordered']:.0f} lines came twice or out of order"
    return None


class Row:
    """All rounds of one server at one work. Where one of them failed, `failed` says why, and it has no numbers."""

    def __init__(self, runs):
        self.server, self.kind, self.irc = runs[0]["server"], runs[0]["kind"], runs[0]["irc"]
        self.runs = [run["values"] for run in runs]
        reasons = [reason for reason in map(why_it_failed, self.runs) if reason]
        self.failed = f"{len(reasons)} of {len(runs)} rounds failed: {reasons[0]}" if reasons else None

    def has(self, name):
        return not self.failed and all(name in values for values in self.runs)

    def spread(self, name):
        return Spread.of([values[name] for values in self.runs])


class Table:
    """All servers at one work: a dict as in measure's Work."""

    def __init__(self, work, rows):
        self.work, self.rows = work, rows

    def named(self, name):
        return next((row for row in self.rows if row.server == name), None)

    def best(self, name, most, wanted):
        """The best median of a number among the rows that are `wanted` and did not fail; None without any."""
        medians = [row.spread(name).median for row in self.rows if wanted(row) and row.has(name)]
        return (max(medians) if most else min(medians)) if medians else None


def is_peer(row):
    return row.kind == "peer"


def is_irc(row):
    return row.irc


def tables_of(runs, part):
    """In the order in which they ran first; the servers of each as measure lists them."""
    works = {}
    for run in runs:
        if run["part"] == part:
            key = tuple(sorted(run["work"].items()))
            works.setdefault(key, {}).setdefault(run["server"], []).append(run)
    order = {"ours": 0, "peer": 1, "baseline": 2}
    return [Table(next(iter(by_server.values()))[0]["work"],
                  sorted(map(Row, by_server.values()), key=lambda row: order[row.kind]))
            for by_server in works.values()]
