"""TLS of the service's own."""

import ssl

from search_by_image.errors import ListenError
from search_by_image.settings.reaching import TlsSettings


def server_context(tls: TlsSettings) -> ssl.SSLContext | None:
    """None without a certificate. Raises `ListenError` when a file is missing, damaged or does not fit another."""
    if tls.certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certfile, tls.keyfile, password=lambda: tls.keyfile_password)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        raise ListenError(
            f"TLS cannot be used: {_reason(error)}. See tls/certfile {str(tls.certfile)!r}, tls/keyfile "
            f"{str(tls.keyfile or '')!r}, tls/keyfile_password, tls/client_ca {str(tls.client_ca or '')!r}: PEM files."
        ) from error
    return context


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
