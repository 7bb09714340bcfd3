"""TLS between services: how a service proves itself to its callers, and how it checks others."""

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from roadbike.kit.process.settings import ServiceSettings, SettingError


def client_tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    """Return what verifies the servers of https URLs; None means the certificates of the system.

    Only certificates of the authority in the setting `ca` are accepted, and only for the host of
    the URL. Raises SettingError when the setting cannot be read.
    """
    if not settings.ca:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host
    try:
        context.load_verify_locations(cadata=settings.ca)
    except (ssl.SSLError, ValueError) as error:
        raise SettingError(f"ROADBIKE_CA is wrong: it is not PEM ({error})") from None
    if not context.get_ca_certs():
        raise SettingError("ROADBIKE_CA is wrong: it holds no certificate of an authority")
    return context


def server_tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    """Return what serves HTTPS; None without the setting `tls_cert`.

    Raises SettingError when certificate or key is missing or wrong. The message shows neither.
    """
    key = settings.tls_key.reveal()
    if bool(settings.tls_cert) != bool(key):
        missing = "ROADBIKE_TLS_KEY" if settings.tls_cert else "ROADBIKE_TLS_CERT"
        raise SettingError(f"{missing} is missing: certificate and key are needed together")
    if not key:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with TemporaryDirectory(prefix="roadbike-tls-") as folder:  # ssl reads files only; mode 0700
        path = Path(folder) / "own.pem"
        path.write_text(f"{settings.tls_cert}\n{key}\n", encoding="utf-8")
        try:
            context.load_cert_chain(path)
        except ssl.SSLError as error:
            reason = error.reason or "not PEM"
            raise SettingError(
                f"ROADBIKE_TLS_CERT and ROADBIKE_TLS_KEY are wrong: {reason}"
            ) from None
    return context
