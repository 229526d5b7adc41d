#!/usr/bin/python3
"""line-relay.py PORT: a chat server as most people would begin one: asyncio, one process, line by line."""
import asyncio
import sys

writers = set()


async def serve(reader, writer):
    writers.add(writer)
    try:
        while line := await reader.readline():
            for other in writers - {writer}:
                other.write(line)
    except (ConnectionError, ValueError):
        pass
    finally:
        writers.remove(writer)
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()

asyncio.run(main())
