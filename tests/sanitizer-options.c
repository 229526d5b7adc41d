/* What the sanitizers of build/sanitized/ do unless told otherwise; compiled in, because neither every launcher nor
 * systemd passes on the environment. Their reports go to files, because standard error goes nowhere in many tests. */

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* Leaks are looked for by valgrind (test-valgrind.c): the sanitizer attaches to its own process as a debugger does,
 * which the system call filter of chatd.service forbids. */
const char *__asan_default_options(void)
{
        return "detect_leaks=0:handle_abort=1:log_exe_name=1:log_path=" REPORTS "/report";
}

const char *__ubsan_default_options(void)
{
        return "print_stacktrace=1:log_exe_name=1:log_path=" REPORTS "/report";
}
