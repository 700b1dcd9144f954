"""Describe files that are damaged, or are not what they should be."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scxpresso.files import encoding_of, is_bgzip, is_gzip, opener
from scxpresso.problems import InputError, Problem
from scxpresso.text import shown

# What readers raise: of htslib, gzip and csv, and of text that is not UTF-8.
DAMAGE = (OSError, ValueError, EOFError, zlib.error, csv.Error)
AGAIN = "download or write it again, and compare its size or checksum with the source's"

GZIP = b"\x1f\x8b"
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
CUT_BGZIP = "a bgzip file that is cut short (its end mark is missing)"

# Kinds of files by their first bytes, for users who gave the wrong file.
LOOKS_LIKE = {
    b"\x89HDF": "an HDF5 file",
    b"PK\x03\x04": "a zip or Excel file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    GZIP: "another gzip file",
    b"\x43\x27\x41\x1a": "a 2bit file",
    b"BAM\x01": "a BAM file",
    b"PAR1": "a parquet file",
    b"<": "a web page (HTML or XML), perhaps of a download that failed",
    b"@": "a FASTQ file",
    b">": "a FASTA file",
    b"version https://git-lfs": "a pointer of Git LFS to a file that was not fetched",
}


def start_of(path: Path) -> bytes:
    """Read the first bytes of a file, decompressed if it is gzip, without leading whitespace."""
    with gzip.open(path) if is_gzip(path) else open(path, "rb") as file:
        return file.read(1000).lstrip()


def looks_like(path: Path) -> str:
    """Describe a file by its first bytes, for a message."""
    if path.is_dir():
        return "a folder"
    zipped = "gzip of " if is_gzip(path) else ""
    try:
        start = start_of(path)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return "a damaged gzip file"
    for magic, kind in LOOKS_LIKE.items():
        if start.startswith(magic):
            return zipped + kind
    if not start or b"\0" in start:
        return zipped + ("binary data" if start else "nothing")
    return f"{zipped}text that starts with {start.decode('utf-8', 'replace').splitlines()[0][:40]!r}"


def first_fault(path: Path) -> str:
    """Say what is wrong with a file or folder of any kind, judged by its start and end; '' if nothing is."""
    try:
        if path.is_dir():
            return "" if any(path.iterdir()) else "an empty folder"
        if not path.stat().st_size:
            return "an empty file (0 bytes)"
        return CUT_BGZIP if lacks_bgzf_end(path) else ""
    except PermissionError:
        return "no permission to read it"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def gzip_fault(path: Path) -> str:
    """Say what is wrong with a gzip file, read to its end; '' if nothing is, or if it is not a gzip file."""
    if not is_gzip(path):
        return ""
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except EOFError:
        return "a gzip file that is cut short"
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"a damaged gzip file ({error})"
    return ""


def lacks_bgzf_end(path: Path) -> bool:
    """Whether a bgzip file was truncated between two of its blocks, which gzip itself cannot notice."""
    with open(path, "rb") as file:
        file.seek(-min(path.stat().st_size, len(BGZF_END)), io.SEEK_END)
        return is_bgzip(path) and file.read() != BGZF_END


def damage(path: Path, error: Exception) -> str:
    """Describe a file that a library could not read. error: what it raised."""
    reason = shown(str(error).strip().split("\n")[0] or "no reason given")
    return gzip_fault(path) or f"{looks_like(path)}, which cannot be read ({type(error).__name__}: {reason})"


@contextmanager
def readable(what: str, path: str | Path) -> Iterator[None]:
    """Report errors of reading text as problems of the input.

    Parameters
    ----------
    what: how messages name the file.

    Raises
    ------
    InputError, if text in the block is not UTF-8, or the gzip file is damaged.
    """
    try:
        yield
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        if isinstance(error, UnicodeDecodeError) and "text that" in looks_like(Path(path)):
            raise InputError(_other_encoding(what, path)) from error
        raise InputError(Problem(what, damage(Path(path), error), "a whole text file", AGAIN)) from error


def _other_encoding(what: str, path: str | Path) -> Problem:
    place, line = _first_unreadable_line(path)
    return Problem(
        f"{what}{place}", f"bytes that are not {encoding_of(path).upper()}: {line[:60]!r}", "text in UTF-8",
        "convert it from the encoding that it was saved in: iconv -f latin1 -t utf-8 old > new",
    )  # fmt: skip


def _first_unreadable_line(path: str | Path) -> tuple[str, str]:
    """Find number and text of the first line that the file's encoding does not allow; '' if that is unknown (UTF-16)."""
    with opener(path)(path, "rt", encoding=encoding_of(path), errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            if any("\udc80" <= character <= "\udcff" for character in line):
                return f", line {number}", line.encode(errors="surrogateescape").decode("latin-1").strip()
    return "", ""
