"""Addresses of files as others may read them: percent-encoded, and without what gives access to them."""

import re
from urllib.parse import quote, unquote

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)
ENCODED = {"http", "https", "ftp"}  # of these Nextflow hands over what the user wrote, percent-encoded


def without_secrets(text: str) -> str:
    """Remove user, password, query (as of signed URLs) and fragment from URLs. Text that begins as a URL is one."""
    if URL.fullmatch(text):
        return _bare(text)
    return re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://\S*", lambda found: _bare(found[0]), text)


def _bare(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def file_uri(address: str) -> str:
    """Turn a path or URL, as Nextflow writes it, into a URI."""
    if not URL.fullmatch(address):
        return f"file://{quote(address)}"
    scheme, _, rest = without_secrets(address).partition("://")
    kept = "/:@!$&'()*+,;=~" + ("%" if scheme.lower() in ENCODED else "")
    return f"{scheme}://{quote(rest, safe=kept)}"


def file_name(uri: str) -> str:
    """Return the last part of a URI, readable."""
    return unquote(uri.rsplit("/", 1)[1])
