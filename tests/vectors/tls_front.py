"""TLS in front of a server that speaks without it, and the certificates for that, made by openssl."""

import asyncio
import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "milvus.test"
EC = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


def make_certificates(folder: Path) -> None:
    """An authority (ca.pem), a server of the name `NAME` (server.*), a client (client.*), a stranger (other.pem)."""
    openssl(f"req -x509 {EC} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem", folder)
    openssl(f"req -x509 {EC} -days 2 -subj /CN=stranger -keyout other.key -out other.pem", folder)
    (folder / "names").write_text(f"subjectAltName=DNS:{NAME}\n")
    for who in ("server", "client"):
        openssl(f"req {EC} -subj /CN={who} -keyout {who}.key -out {who}.csr", folder)
        signed = f"x509 -req -in {who}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names"
        openssl(f"{signed} -out {who}.pem", folder)


def openssl(command: str, folder: Path) -> None:
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True, cwd=folder)


@contextmanager
def tls_in_front(address: str, folder: Path, *, asks_for_certificate: bool = False) -> Iterator[str]:
    """The URI of a relay to the address that ends TLS with the certificate server.pem."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_REQUIRED if asks_for_certificate else ssl.CERT_NONE
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(_listen(address, context), loop).result()
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(address: str, context: ssl.SSLContext) -> asyncio.Server:
    host, _, port = address.partition(":")

    async def carry(outer_reader, outer_writer):
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_pump(outer_reader, inner_writer), _pump(inner_reader, outer_writer))

    return await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.CancelledError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
