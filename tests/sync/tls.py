"""A practice store behind TLS, for the tests of certificates and of proxies."""

from __future__ import annotations

import ssl


def secure(store, api, files):
    """Switch a running store's two ports to TLS, with trustme's certificates; return its settings."""
    for server, certificate in zip(store._servers, (api, files), strict=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        # The handshake runs in the connection's own thread: a client that breaks it off affects no other.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    store.api_url = store.api_url.replace("http:", "https:")
    store.file_origin = store.file_origin.replace("http:", "https:")
    return store.config
