"""The progress of the benchmark, on standard error: on a terminal one line that is overwritten, otherwise a line every
quarter of a minute."""
import shutil
import sys
import time

INTERVAL_S = 15


class Progress:
    """`weights`: what each step takes, in seconds, as far as one can know; the time left is corrected as it goes."""

    def __init__(self, weights):
        self.left, self.done = sum(weights), 0.0
        self.begin, self.said = time.monotonic(), 0.0
        self.terminal = sys.stderr.isatty()

    def begin_step(self, what):
        now = time.monotonic()
        # the first step's weight is taken as it is; later ones are compared with their actual times
        scale = (now - self.begin + 10) / (self.done + 10)
        seconds = int(self.left * scale)
        line = f"[{seconds // 60}:{seconds % 60:02} left] {what}"
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{line[:width]}", end="", file=sys.stderr, flush=True)
        elif now - self.said >= INTERVAL_S or self.said == 0:
            print(line, file=sys.stderr, flush=True)
            self.said = now

    def end_step(self, weight):
        self.left -= weight
        self.done += weight

    def end(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
