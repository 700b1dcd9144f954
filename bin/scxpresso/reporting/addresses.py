"""Addresses of files for publication: percent-encoded, and without credentials."""

import re
from urllib.parse import quote, unquote

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)
ENCODED = {"http", "https", "ftp"}  # Nextflow passes these on as the user wrote them, percent-encoded


def without_secrets(text: str) -> str:
    """Remove user, password, query (as in signed URLs) and fragment from URLs. Text that starts like a URL is one."""
    if URL.fullmatch(text):
        return _bare(text)
    return re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://\S*", lambda found: _bare(found[0]), text)


def _bare(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def file_uri(address: str) -> str:
    """Convert a path or URL, as Nextflow writes it, to a URI."""
    if not URL.fullmatch(address):
        return f"file://{quote(address)}"
    scheme, _, rest = without_secrets(address).partition("://")
    kept = "/:@!$&'()*+,;=~" + ("%" if scheme.lower() in ENCODED else "")
    return f"{scheme}://{quote(rest, safe=kept)}"


def file_name(uri: str) -> str:
    """Return the last part of a URI, decoded."""
    return unquote(uri.rsplit("/", 1)[1])
