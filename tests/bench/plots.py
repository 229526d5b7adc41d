"""The plots, by gnuplot: each as SVG and as PNG."""
import subprocess

from results import Spread

TERMINALS = (("svg", 'svg size 900,540 dynamic background "white"'), ("png", "pngcairo size 900,540"))


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def draw(path, title, x, y, curves, logarithmic="xy"):
    """Writes path.svg and path.png; without any point nothing.

    `x`, `y`: what the axes have; `curves`: (name, [(x, Spread)...]) each, where the least and the most of a spread are
    an error bar. `logarithmic`: which axes are; an x that is not counts things."""
    curves = [(name, sorted(points, key=lambda point: point[0])) for name, points in curves if points]
    if not curves:
        return
    script = ["set key outside right noenhanced", "set grid", f"set title {quoted(title)} noenhanced",
              f"set xlabel {quoted(x)} noenhanced", f"set ylabel {quoted(y)} noenhanced",
              "set style data yerrorlines", "set pointsize 0.7"]
    if logarithmic:
        script.append(f"set logscale {logarithmic}")
    places = [at for _, points in curves for at, _ in points]
    if "x" in logarithmic:
        script.append(f"set xrange [{min(places) / 1.4}:{max(places) * 1.4}]")  # room for the error bars
    else:
        script += [f"set xrange [{min(places) - 0.5}:{max(places) + 0.5}]", f"set xtics {max(1, int(max(places) / 12))}"]
    if "y" not in logarithmic:
        script.append("set yrange [0:*]")
    if min(spread.least for _, points in curves for _, spread in points) >= 10:
        script.append("set format y '%.0s%c'")
    for number, (_, points) in enumerate(curves):
        rows = (f"{at} {spread.median} {spread.least} {spread.most}" for at, spread in points)
        script += [f"$data{number} << END", *rows, "END"]
    plot = "plot " + ", ".join(f"$data{number} title {quoted(name)}" for number, (name, _) in enumerate(curves))
    for suffix, terminal in TERMINALS:
        script += [f"set terminal {terminal}", f"set output {quoted(f'{path}.{suffix}')}", plot, "set output"]
    subprocess.run(("gnuplot",), input="\n".join(script) + "\n", text=True, check=True)


def curves_over(tables, x, name):
    """For each server the number `name` over `x` of each table's work."""
    servers = dict.fromkeys(row.server for table in tables for row in table.rows)
    return [(server, [(x(table.work), table.named(server).spread(name)) for table in tables
                      if table.named(server) and table.named(server).has(name)]) for server in servers]


def clients_of(work):
    return work["clients"]


def draw_fanout(directory, tables):
    saturated = [table for table in tables if table.work["name"] == "saturated"]
    trickle = [table for table in tables if table.work["name"] == "trickle"]
    draw(f"{directory}/fanout-rate", "As fast as it goes: how many lines reach their clients", "clients",
         "deliveries/s", curves_over(saturated, clients_of, "deliveries_per_s"))
    draw(f"{directory}/fanout-cpu", "As fast as it goes: what a delivery costs", "clients", "CPU, µs/delivery",
         curves_over(saturated, clients_of, "cpu_us_per_delivery"))
    for percentile in ("p50", "p99"):
        draw(f"{directory}/fanout-latency-{percentile}", "A few lines a second: how long one takes", "clients",
             f"{percentile}, µs", curves_over(trickle, clients_of, f"{percentile}_us"))


def draw_soak(directory, runs):
    def over_time(names):
        return [(name, [(run["minute"], Spread.of([run["value"]])) for run in runs if run["name"] == name]) for name in names]
    for name, y, names in (("memory", "PSS, kB", ("chatd_pss_kb", "session_pss_kb")),
                           ("files", "descriptors", ("chatd_files", "session_files")),
                           ("latency", "µs", ("p50_us", "p99_us"))):
        draw(f"{directory}/soak-{name}", "A long run, with people who come and go", "minutes", y, over_time(names), "")


def draw_sweep(directory, tables):
    def due(work):
        return work["rate"] * (work["clients"] - 1)
    for percentile in ("p50", "p99"):
        draw(f"{directory}/sweep-{percentile}", "How long a line takes at each rate, 100 clients", "deliveries/s that are due",
             f"{percentile}, µs", curves_over(tables, due, f"{percentile}_us"))


def draw_scale(directory, tables):
    draw(f"{directory}/scale-line", "How long a line takes to reach everybody", "clients", "µs/line",
         curves_over(tables, clients_of, "us_per_line"))
    draw(f"{directory}/scale-connect", "Connecting", "clients", "µs/client",
         curves_over(tables, clients_of, "connect_us_per_client"))
    draw(f"{directory}/scale-memory", "Memory of all processes of the chat", "clients", "PSS, kB/client",
         curves_over(tables, clients_of, "pss_kb_per_client"), "x")


def draw_cliff(directory, tables):
    for work, axis, x in (("in flight", "lines in flight", lambda work: work["in_flight"]),
                          ("members", "members", clients_of)):
        varied = [table for table in tables if table.work["name"] == work]
        draw(f"{directory}/cliff-{work.replace(' ', '-')}", f"What a delivery costs, over {axis}", axis,
             "CPU, µs/delivery", curves_over(varied, x, "cpu_us_per_delivery"))


def draw_hosts(directory, tables):
    def hosts_of(work):
        return work["hosts"]
    saturated = [table for table in tables if not table.work["rate"]]
    trickle = [table for table in tables if table.work["rate"]]
    draw(f"{directory}/hosts-rate", "As fast as it goes, on hosts that are linked", "hosts", "deliveries/s",
         curves_over(saturated, hosts_of, "deliveries_per_s"), "y")
    draw(f"{directory}/hosts-added", "How much longer a line takes to another host", "hosts", "p50, µs",
         curves_over(trickle, hosts_of, "added_us"), "")
