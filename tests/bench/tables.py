"""The tables that are printed: medians, and in brackets the least and the most."""
import statistics

from results import is_peer

# heading, number, what it is divided by to be printed, digits, whether more is better
RATE = ("1000 deliveries/s", "deliveries_per_s", 1000, 0, True)
CPU = ("CPU, µs/delivery", "cpu_us_per_delivery", 1, 3, False)
P50 = ("p50, µs", "p50_us", 1, 0, False)
P99 = ("p99, µs", "p99_us", 1, 0, False)
FAR_P50 = ("p50 between, µs", "far_p50_us", 1, 0, False)
ADDED = ("added, µs", "added_us", 1, 0, False)
CONNECT = ("connect, ms/client", "connect_us_per_client", 1000, 2, False)
LINE = ("to all, ms/line", "us_per_line", 1000, 2, False)
MEMORY = ("PSS, kB/client", "pss_kb_per_client", 1, 0, False)


def title_of(work):
    speed = f"{work['rate']} lines/s" if work["rate"] else f"{work['in_flight']} lines in flight"
    return f"{work['name']}: {work['clients']} clients, {min(work['clients'], work['senders'])} of them say lines of " \
        f"{work['bytes']} bytes, {speed}"


def cell_of(row, column):
    _, name, unit, digits, _ = column
    spread = row.spread(name)
    low, high = (f"{number / unit:.{digits}f}" for number in (spread.least, spread.most))
    return f"{spread.median / unit:10.{digits}f} {f'({low}–{high})':17}"


def ratio_of(row, column, to):
    return f"{row.spread(column[1]).median / to:6.2f}" if to else " " * 6


def show_servers(table):
    """One row for each server; behind each median its least and most, and its ratio to the best peer's."""
    columns = [RATE, CPU] if not table.work["rate"] else [P50, P99, CPU]
    print(f"\n{title_of(table.work)}")
    print(" " * 16 + "  ".join(f"{column[0]:>18} {'':9} {'× best':>6}" for column in columns))
    for row in table.rows:
        if row.failed:
            print(f"{row.server:16}not ranked: {row.failed}")
        else:
            print(f"{row.server:16}" + "  ".join(
                f"{cell_of(row, column)} {ratio_of(row, column, table.best(column[1], column[4], is_peer))}"
                for column in columns))


def show_works(title, tables, label, columns):
    """One row for each work, which `label` names, and server."""
    print(f"\n{title}")
    print(" " * 40 + "  ".join(f"{column[0]:>18} {'':9}" for column in columns))
    for server in dict.fromkeys(row.server for table in tables for row in table.rows):
        for table in tables:
            row = table.named(server)
            if row:
                text = "  ".join(cell_of(row, column) for column in columns) if not row.failed else row.failed
                print(f"{f'{server}, {label(table.work)}':40}{text}")


def show_fanout(tables):
    for table in tables:
        show_servers(table)


def show_sweep(tables):
    show_works("open loop: 100 clients, lines of 80 bytes are said at this rate, whether the server keeps up or not",
               tables, lambda work: f"{work['rate'] * (work['clients'] - 1) // 1000}000 deliveries/s are due", (RATE, P50, P99, CPU))


def show_soak(runs):
    """Medians of the first and of the last quarter of the run."""
    minutes = max(run["minute"] for run in runs)
    print(f"\na run of {minutes:.0f} minutes       first quarter  last quarter  ratio")
    for name in dict.fromkeys(run["name"] for run in runs):
        first, last = (statistics.median([run["value"] for run in runs if run["name"] == name and wanted(run["minute"] / minutes)])
                       for wanted in (lambda part: part <= 0.25, lambda part: part > 0.75))
        print(f"{name:26}{first:14.0f}{last:14.0f}{last / first:7.2f}")


def show_scale(tables):
    show_works("scale: one line of 80 bytes after the other, each when everybody has the one before (chat: by PID 1)",
               tables, lambda work: f"{work['clients']} clients", (CONNECT, LINE, CPU, MEMORY))


def show_cliff(tables):
    show_works("no cliff: lines of 80 bytes as fast as it goes; where the cost does not rise, it is linear or better",
               tables, lambda work: f"{work['clients']}, {work['in_flight']} in flight"
               f"{'' if work['name'] in ('in flight', 'members') else ', ' + work['name']}", (RATE, CPU))


def show_hosts(tables):
    """Latencies are those to people of the same host, and to those of others: added is what lies between."""
    show_works("hosts: 100 clients on hosts that are linked, lines of 80 bytes as fast as it goes",
               [table for table in tables if not table.work["rate"]], lambda work: f"{work['hosts']} hosts",
               (RATE, CPU))
    show_works("hosts: the same clients, 200 lines/s", [table for table in tables if table.work["rate"]],
               lambda work: f"{work['hosts']} hosts", (P50, FAR_P50, ADDED, CPU))
