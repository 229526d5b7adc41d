"""Clients beside those that are counted, and what they do."""
import contextlib
import os
import signal
import socket
import subprocess
import threading

import servers

LINE = b"y" * 79 + b"\n"


def connect(server):
    """Returns a client that was greeted. It must be the first, so that the only session is its own."""
    host, port = server.targets()[0].split(":")
    client = socket.create_connection((host, int(port)), servers.DEADLINE_S)
    client.recv(1)
    return client


@contextlib.contextmanager
def nobody(_):
    yield


@contextlib.contextmanager
def stopped(server):
    """A session that is stopped."""
    with connect(server):
        process, = server.sessions()
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process, signal.SIGCONT)


def connect_paced():
    """Returns a client whose session has the installed pace, and that session."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            session = subprocess.Popen(("/usr/local/sbin/chat-session",), stdin=accepted, stdout=accepted,
                                       user="chat-session", group="chat", extra_groups=())
    client.recv(1)
    return client, session


def say(client):
    with contextlib.suppress(OSError):
        while True:
            client.sendall(LINE * 100)


def take(client):
    with contextlib.suppress(OSError):
        while client.recv(1 << 16):
            pass


@contextlib.contextmanager
def flood(_):
    """A client that sends lines as fast as possible."""
    client, session = connect_paced()
    threads = [threading.Thread(target=what, args=(client,)) for what in (say, take)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        session.terminate()
        session.wait()
        with contextlib.suppress(OSError):  # it was reset, if it had said something that the session had not read
            client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        client.close()


KINDS = {"": nobody, "stopped": stopped, "flood": flood}
