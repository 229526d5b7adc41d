"""Who is connected beside the clients that are counted, and what they do."""
import contextlib
import os
import signal
import socket
import threading

import servers

LINE = b"y" * 79 + b"\n"


def connect(server):
    """Returns a client that was greeted. It is the first: the only session is its own."""
    host, port = server.targets()[0].split(":")
    client = socket.create_connection((host, int(port)), servers.DEADLINE_S)
    client.recv(1)
    return client


@contextlib.contextmanager
def nobody(_):
    yield


@contextlib.contextmanager
def stopped(server):
    """A session that does not run."""
    with connect(server):
        process, = server.sessions()
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process, signal.SIGCONT)


def say_and_take(client):
    client.settimeout(None)

    def take():
        with contextlib.suppress(OSError):
            while client.recv(1 << 16):
                pass
    taker = threading.Thread(target=take)
    taker.start()
    with contextlib.suppress(OSError):
        while True:
            client.sendall(LINE * 100)
    taker.join()


@contextlib.contextmanager
def flood(server):
    """Somebody who says lines as fast as it goes."""
    client = connect(server)
    sayer = threading.Thread(target=say_and_take, args=(client,))
    sayer.start()
    try:
        yield
    finally:
        client.shutdown(socket.SHUT_RDWR)
        sayer.join()
        client.close()


KINDS = {"": nobody, "stopped": stopped, "flood": flood}
