#!/usr/bin/python3
"""irc-bot.py HOST PORT NICK: a bot of Python's irc library that does what it reads, and prints all that it is told.

A command is a line of the standard input: join ROOM, say TO TEXT, act TO TEXT, topic ROOM TEXT, nick NICK, quit. An
event is a line of the standard output: its kind, who caused it, its target, and the rest. As bots do, it takes another
nick if its own is taken, connects again when it was disconnected, and then joins its rooms.
"""
import os
import select
import socket
import sys
import time

import irc.bot

PING_S = 1  # how often it asks the server for a sign of life
LAG_MAX_S = 3  # how long it waits for one


class Bot(irc.bot.SingleServerIRCBot):
    def __init__(self, host, port, nick):
        super().__init__([(host, port)], nick, nick, reconnection_interval=1, connect_factory=connect)
        self.rooms = set()
        self.heard = self.asked = time.monotonic()
        self.connection.add_global_handler("all_events", self.show)

    def show(self, connection, event):
        self.heard = time.monotonic()
        if event.type in ("all_raw_messages", "pong"):
            return
        nick = (event.source or "").partition("!")[0]
        words = [event.type, nick, event.target, *event.arguments]
        print(*(word for word in words if word), flush=True)

    def on_welcome(self, connection, event):
        for room in sorted(self.rooms):
            connection.join(room)

    def on_nicknameinuse(self, connection, event):
        connection.nick(connection.get_nickname() + "_")

    def obey(self, line):
        verb, _, rest = line.partition(" ")
        to, _, text = rest.partition(" ")
        if verb == "join":
            self.rooms.add(to)
            self.connection.join(to)
        elif verb == "say":
            self.connection.privmsg(to, text)
        elif verb == "act":
            self.connection.action(to, text)
        elif verb == "topic":
            self.connection.topic(to, text)
        elif verb == "nick":
            self.connection.nick(to)
        elif verb == "quit":
            self.die()

    def check(self):
        """Gives up a server that has not answered for long."""
        now = time.monotonic()
        if not self.connection.is_connected():
            self.heard = now
        elif now - self.heard > LAG_MAX_S:
            self.connection.disconnect("No answer")
        elif now - self.asked > PING_S:
            self.asked = now
            self.connection.ping("lag")


def connect(address):
    """Connects, and does not wait long for it: the network may be away."""
    s = socket.create_connection(address, LAG_MAX_S)
    s.settimeout(None)
    return s


def main():
    bot = Bot(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    typed = b""
    bot._connect()
    while True:
        sockets = [bot.connection.socket] if bot.connection.is_connected() else []
        ready, _, _ = select.select([0, *sockets], [], [], 0.2)
        if 0 in ready:
            *lines, typed = (typed + os.read(0, 4096)).split(b"\n")
            for line in lines:
                bot.obey(line.decode())
        bot.ircobj.process_once()
        bot.check()


main()
