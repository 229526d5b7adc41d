/* The default options of the sanitizers of build/sanitized/. They are compiled in, because some launchers and systemd
 * do not pass on the environment. Reports go to files, because standard error goes nowhere in many tests. */

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* valgrind looks for leaks (test-valgrind.c): the sanitizer would attach to its own process as a debugger does, which
 * the system call filter of chatd.service forbids. */
const char *__asan_default_options(void)
{
        return "detect_leaks=0:handle_abort=1:log_exe_name=1:log_path=" REPORTS "/report";
}

const char *__ubsan_default_options(void)
{
        return "print_stacktrace=1:log_exe_name=1:log_path=" REPORTS "/report";
}
