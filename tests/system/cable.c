#include "cable.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "harness.h"

/* Starts a process with its own network, which ends with the process. */
static pid_t cable_start_network(void)
{
        char *const argv[] = {"unshare", "-n", "sleep", "infinity", NULL};
        pid_t pid = process_start(argv, -1, -1, -1);
        shell_until("test \"$(readlink /proc/%d/ns/net)\" != \"$(readlink /proc/self/ns/net)\"", pid);
        return pid;
}

struct cable cable_start(void)
{
        struct cable c = {cable_start_network(), cable_start_network()};
        shell("nsenter -t %d -n ip link add near0 type veth peer name far0 netns %d", c.near, c.far);
        for (int i = 1; i <= 2; i++)
                shell("nsenter -t %d -n sh -c 'ip link set %s0 up; ip addr add 10.99.0.%d/24 dev %s0; "
                      "ip addr add fe80::%d/64 dev %s0 nodad'",
                      i == 1 ? c.near : c.far, i == 1 ? "near" : "far", i, i == 1 ? "near" : "far", i,
                      i == 1 ? "near" : "far");
        return c;
}

void cable_end(struct cable c)
{
        process_end(c.near);
        process_end(c.far);
}

int cable_enter(pid_t pid)
{
        char path[32];
        snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
        int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), other = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(setns(other, CLONE_NEWNET), 0);
        close(other);
        return before;
}

void cable_leave(int before)
{
        assert_int_equal(setns(before, CLONE_NEWNET), 0);
        close(before);
}
