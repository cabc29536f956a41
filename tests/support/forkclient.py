"""Stand for `segeval` or `python` in a shell: have the server fork, wait, and end as the process does.

    python -I -S forkclient.py ADDRESS {segeval|python} ARGUMENT...

A program of Python is given by `-c` or comes on stdin; for whatever else is asked of it, Python itself is started. This
imports next to nothing: shells call it often.
"""

import _socket
import os
import sys

WIDTH = 8


def number(connection: _socket.socket) -> int:
    body = b""
    while len(body) < WIDTH:
        part = connection.recv(WIDTH - len(body))
        if not part:
            sys.exit("the server of the tests has gone away")
        body += part
    return int.from_bytes(body, "little", signed=True)


def main() -> None:
    address, program, *arguments = map(os.fsencode, sys.argv[1:])
    if program == b"python":
        if arguments[:1] == [b"-c"]:
            _, program, *arguments = arguments
        elif arguments in ([], [b"-"]):
            program, arguments = sys.stdin.buffer.read(), []
        else:
            os.execv(sys.executable, [os.fsencode(sys.executable), *arguments])
    streams = [stream for stream in range(3) if is_open(stream)]
    entries = (name + b"=" + value for name, value in os.environb.items())
    head = ("".join(map(str, streams)).encode(), str(len(arguments)).encode(), os.fsencode(os.getcwd()), program)  # noqa: PTH109  # without pathlib
    body = b"\0".join((*head, *arguments, *entries))
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.connect(address)
    descriptors = b"".join(stream.to_bytes(4, sys.byteorder) for stream in streams)
    size = len(body).to_bytes(WIDTH, "little")
    connection.sendmsg([size], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)] if streams else [])
    connection.sendall(body)
    number(connection)
    code = number(connection)
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def is_open(stream: int) -> bool:
    try:
        os.fstat(stream)
    except OSError:
        return False
    return True


main()
