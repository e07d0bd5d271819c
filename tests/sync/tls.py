"""A practice store behind TLS, for the tests of certificates and of proxies."""

from __future__ import annotations

import ssl


def secure(store, api, files):
    """Let a store that has started speak TLS alone, on its two ports.

    Args:
        store: The practice store.
        api: trustme's certificate for the API.
        files: That of the file host.

    Returns:
        Settings for it.
    """
    for server, certificate in zip(store._servers, (api, files), strict=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        # The handshake is for the connection's own thread: a client that breaks it off ends nobody else's.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    store.api_url = store.api_url.replace("http:", "https:")
    store.file_origin = store.file_origin.replace("http:", "https:")
    return store.config
