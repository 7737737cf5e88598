"""The way to a server, as the environment says: proxies and certificates."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies

from sormctl.errors import UsageError, first_line

if TYPE_CHECKING:
    import httpx


class Proxy(NamedTuple):
    """A proxy, and the variable of the environment that names it."""

    variable: str
    url: str


def proxy_for(url: str) -> Proxy | None:
    """The proxy that stands before a server; none where it is on this machine or in NO_PROXY."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    proxies = getproxies()
    if _is_here(host) or _is_excepted(host, parts.port, proxies.get("no", "").split(",")):
        return None
    for scheme in (parts.scheme, "all"):
        if found := proxies.get(scheme):
            name = f"{scheme}_proxy"
            variable = name if name in os.environ else name.upper()
            return Proxy(variable, found if "://" in found else f"http://{found}")
    return None


def transports(
    urls: Sequence[str], certificates: ssl.SSLContext, limits: httpx.Limits
) -> dict[str, httpx.AsyncHTTPTransport]:
    """How to reach the servers that have a proxy before them, by their origins.

    UsageError for a proxy that cannot be used.
    """
    import httpx

    found = {}
    for url in urls:
        if (proxy := proxy_for(url)) is None:
            continue
        try:
            found[_origin(url)] = httpx.AsyncHTTPTransport(
                verify=certificates, limits=limits, proxy=httpx.Proxy(proxy.url)
            )
        except ImportError as error:  # the one package that may be missing is that of SOCKS
            raise UsageError(
                f"{proxy.variable}: a SOCKS proxy needs another package: pip install "
                f"'httpx[socks]'; or unset it, or name the server in NO_PROXY"
            ) from error
        except (ValueError, httpx.InvalidURL) as error:
            raise UsageError(
                f"{proxy.variable}: no proxy that can be used; give http://host:port, or unset it"
            ) from error
    return found


def trusted_certificates(urls: Sequence[str]) -> ssl.SSLContext:
    """Whose certificates are trusted; UsageError where the environment names what is not there."""
    import httpx

    file, folder = (os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    try:
        if file:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        raise _unusable("SSL_CERT_FILE", file, "a file of certificates (PEM)", error) from error
    if folder and not file and not os.path.isdir(folder):
        raise _unusable("SSL_CERT_DIR", folder, "a folder of certificates", None)
    try:
        if not any(url.startswith("https:") or proxy_for(url) for url in urls):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody's: to read them takes 50 ms
        if file or folder:
            return ssl.create_default_context(cafile=file or None, capath=folder or None)
        return httpx.create_ssl_context(trust_env=False)
    except OSError as error:
        keys = os.environ.get("SSLKEYLOGFILE")
        raise _unusable("SSLKEYLOGFILE", keys, "a file that can be written", error) from error


def _unusable(variable: str, value: str | None, wanted: str, error: OSError | None) -> UsageError:
    reason = f" ({error.strerror or first_line(error)})" if error else ""
    return UsageError(f"{variable}={value}: must name {wanted}, or be unset{reason}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _is_here(host: str) -> bool:
    """Whether a host is this machine, which no proxy reaches."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_excepted(host: str, port: int | None, names: Sequence[str]) -> bool:
    """Whether NO_PROXY holds a host: by its name, a domain that it is in, or a network."""
    for name in (item.strip().lower() for item in names):
        bare = name.removeprefix("*.").lstrip(".")
        if name == "*" or (bare and bare in (host, f"{host}:{port}", f"[{host}]:{port}")):
            return True
        if bare and host.endswith(f".{bare}"):
            return True
        try:
            if "/" in name and ip_address(host) in ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False
