"""Floods a listener on 127.0.0.1 from 127.0.0.5, in one of several ways, for a bounded time.

Usage: flood.py idle|reconnect|blank|endless|requests PORT AMOUNT
idle opens AMOUNT connections and says nothing on them until its input ends; reconnect opens and drops AMOUNT of them;
the others send without an end on a connection, which they open anew when it is closed, until AMOUNT bytes are gone.
"""

import resource
import socket
import sys

FROM = ("127.0.0.5", 0)
PIECES = {
    "blank": b"\r\n" * 8192,
    "endless": b"x" * 16384,
    "requests": b"Action: Challenge\r\nAuthType: MD5\r\n\r\n" * 400,
}


def connect(port):
    """One connection, or None while it is refused."""
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=5, source_address=FROM)
    except OSError:
        return None


def idle(port, amount):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections = [connect(port) for _ in range(amount)]
    print(sum(connection is not None for connection in connections), flush=True)
    sys.stdin.read()


def reconnect(port, amount):
    opened = 0
    for _ in range(amount):
        connection = connect(port)
        if connection is not None:
            opened += 1
            connection.close()
    print(opened, flush=True)


def send(port, amount, piece):
    sent = 0
    attempts = 0
    connection = None
    while sent < amount and attempts < 100000:
        try:
            if connection is None:
                attempts += 1
                connection = connect(port)
                continue
            sent += connection.send(piece)
        except OSError:
            connection.close()
            connection = None
    print(sent, flush=True)


def main():
    way, port, amount = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if way == "idle":
        idle(port, amount)
    elif way == "reconnect":
        reconnect(port, amount)
    else:
        send(port, amount, PIECES[way])


main()
