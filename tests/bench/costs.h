/* What a server costs: the CPU time and the memory of its processes. A process that has gone counts as 0. */
#pragma once

#include <stdint.h>

/* Returns the CPU time of all threads of a process, in ns: proc_pid_schedstat, Documentation/scheduler/sched-stats. */
uint64_t costs_cpu_ns(long pid);

/* Returns the memory of a process, with its part of shared memory, in kB: PSS, proc_pid_smaps_rollup(5). */
uint64_t costs_memory_kb(long pid);

/* Return the sum of one of these for each process below a directory of cgroups(7), and for a process and its children. */
uint64_t costs_of_cgroup(const char *cgroup, uint64_t (*of_process)(long pid));
uint64_t costs_of_family(long parent, uint64_t (*of_process)(long pid));
