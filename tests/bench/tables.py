"""The tables that are printed."""
from results import is_peer

# heading, number, what it is divided by to be printed, digits, whether more is better
RATE = ("1000 deliveries/s", "deliveries_per_s", 1000, 0, True)
CPU = ("CPU, µs/delivery", "cpu_us_per_delivery", 1, 3, False)
P50 = ("p50, µs", "p50_us", 1, 0, False)
P99 = ("p99, µs", "p99_us", 1, 0, False)


def title_of(work):
    speed = f"{work['rate']} lines/s" if work["rate"] else f"{work['in_flight']} lines in flight"
    return f"{work['name']}: {work['clients']} clients, {min(work['clients'], 10)} of them say lines of " \
        f"{work['bytes']} bytes, {speed}"


def cell_of(row, column, best):
    _, name, unit, digits, _ = column
    spread = row.spread(name)
    low, high = (f"{number / unit:.{digits}f}" for number in (spread.least, spread.most))
    ratio = f"{spread.median / best:.2f}" if best else ""
    return f"{spread.median / unit:10.{digits}f} {f'({low}–{high})':17} {ratio:>6}"


def show(table):
    """One row for each server; behind each median its least and most, and its ratio to the best peer's."""
    columns = [RATE, CPU] if not table.work["rate"] else [P50, P99, CPU]
    print(f"\n{title_of(table.work)}")
    print(" " * 12 + "  ".join(f"{column[0]:>18} {'':9} {'× best':>6}" for column in columns))
    for row in table.rows:
        if row.failed:
            print(f"{row.server:12}not ranked: {row.failed}")
            continue
        print(f"{row.server:12}" + "  ".join(
            cell_of(row, column, table.best(column[1], column[4], is_peer)) for column in columns))
