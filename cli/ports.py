"""Whether an address of this machine can be listened on."""

import socket

from manyends.protocol.io.folder import Address, split_address


def hindrance(address: Address) -> str | None:
    """Say why nobody can listen there now; None if it is free."""
    host, port = split_address(address)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        return str(getattr(error, "strerror", None) or error)
    return None
