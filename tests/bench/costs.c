#include "costs.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

uint64_t costs_cpu_ns(long pid)
{
        char path[PATH_MAX];
        uint64_t sum = 0;
        snprintf(path, sizeof(path), "/proc/%ld/task", pid);
        DIR *dir = opendir(path);
        if (!dir)
                return 0;
        for (const struct dirent *e; (e = readdir(dir));) {
                uint64_t ns;
                snprintf(path, sizeof(path), "/proc/%ld/task/%.20s/schedstat", pid, e->d_name);
                FILE *file = e->d_name[0] == '.' ? NULL : fopen(path, "re");
                if (!file)
                        continue;
                if (fscanf(file, "%" SCNu64, &ns) == 1)
                        sum += ns;
                fclose(file);
        }
        closedir(dir);
        return sum;
}

uint64_t costs_memory_kb(long pid)
{
        char path[PATH_MAX], line[256];
        uint64_t kb = 0;
        snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file) && sscanf(line, "Pss: %" SCNu64, &kb) != 1)
                ;
        if (file)
                fclose(file);
        return kb;
}

uint64_t costs_of_cgroup(const char *cgroup, uint64_t (*of_process)(long pid))
{
        char path[PATH_MAX];
        uint64_t sum = 0;
        long pid;
        snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
        FILE *file = fopen(path, "re");
        while (file && fscanf(file, "%ld", &pid) == 1)
                sum += of_process(pid);
        if (file)
                fclose(file);
        DIR *dir = opendir(cgroup);
        for (const struct dirent *e; dir && (e = readdir(dir));) {
                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/%s", cgroup, e->d_name);
                sum += costs_of_cgroup(path, of_process);
        }
        if (dir)
                closedir(dir);
        return sum;
}

uint64_t costs_of_family(long parent, uint64_t (*of_process)(long pid))
{
        char path[PATH_MAX];
        uint64_t sum = of_process(parent);
        long pid;
        snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", parent, parent);
        FILE *file = fopen(path, "re");
        while (file && fscanf(file, "%ld", &pid) == 1)
                sum += of_process(pid);
        if (file)
                fclose(file);
        return sum;
}
