"""TLS between services: how a service proves itself to its callers, and how it checks others."""

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from roadbike.kit.process.setting_faults import SettingError, fault
from roadbike.kit.process.settings import ServiceSettings


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
        raise SettingError(
            fault("setting-wrong", name="ROADBIKE_CA", reason=f"it is not PEM ({error})")
        ) from None
    if not context.get_ca_certs():
        reason = "it holds no certificate of an authority"
        raise SettingError(fault("setting-wrong", name="ROADBIKE_CA", reason=reason))
    return context


def server_tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    """Return what serves HTTPS; None without the setting `tls_cert`.

    Raises SettingError when certificate or key is missing or wrong. The message shows neither.
    """
    key = settings.tls_key.reveal()
    if bool(settings.tls_cert) != bool(key):
        missing = "ROADBIKE_TLS_KEY" if settings.tls_cert else "ROADBIKE_TLS_CERT"
        raise SettingError(fault("setting-missing-beside", name=missing))
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
            cert, own = "ROADBIKE_TLS_CERT", "ROADBIKE_TLS_KEY"
            pair = fault("setting-pair-wrong", name=cert, other=own, reason=reason)
            raise SettingError(pair) from None
    return context
