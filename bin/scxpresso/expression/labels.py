"""Labels of populations: those that the sheet excludes, and those that may not be populations of their own."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable

from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

# What programs and people write for a cell without a label, or for what is not a cell; without spaces and punctuation.
NO_LABEL = {
    "", "na", "nan", "none", "null", "nil", "missing", "empty", "unassigned", "notassigned", "unknown", "unlabeled", "unlabelled",
    "nolabel", "unannotated", "notannotated", "unclassified", "undefined", "undetermined", "notdetermined", "unidentified",
    "nd", "tbd", "unspecified", "notavailable", "notapplicable", "doublet", "doublets", "multiplet", "multiplets",
    "lowquality", "debris", "artifact", "artefact", "filtered", "excluded", "failedqc", "junk",
}  # fmt: skip

# Cyrillic and Greek letters and digits, and the Latin letters that they look like in either case; i and 1 become l.
LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕԁһкмтвн" "αβεζηικμνορτυχ" "01|ıi",
    "aeopcyxljsdhkmtbh" "abezhlkmnoptyx" "ollll",
)  # fmt: skip


def suspicious_labels(labels: Iterable[str]) -> list[str]:
    """List labels that suggest a missing label: `nan`, `None`, spaces, `unassigned`, `doublet` and the like."""
    return [label for label in labels if re.sub(r"[\W_]", "", label.casefold()) in NO_LABEL]


def near_labels(labels: Iterable[str]) -> list[list[str]]:
    """Group labels that differ only by spaces, dashes, case or look-alike characters."""
    groups = defaultdict(list)
    for label in labels:
        groups[_appearance(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def _appearance(label: str) -> str:
    """Reduce a label to its appearance: no spaces, invisible characters or dashes; look-alikes as one character."""
    text = unicodedata.normalize("NFKC", label).casefold()
    text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    text = re.sub(r"(?<=\w)[-‐‑–—−_\s]+(?=\w)|[\s_]+", "", text)
    return text.translate(LOOK_ALIKE)


def excluded_labels(text: str, labels: Collection[str]) -> list[str]:
    """Parse the labels in a cell of the sheet's column `exclude`, joined by `;`, which labels may contain, too.

    Spaces around a label are ignored.

    Parameters
    ----------
    labels: of all levels.

    Raises
    ------
    InputError, for a label of no level.
    """
    known = set(labels)
    bare = {label.strip(): label for label in sorted(known)} | {label: label for label in known}
    parts = text.split(";")
    found, unknown = [], []
    while parts:
        joined = (";".join(parts[:length]) for length in range(len(parts), 0, -1))
        match = next((part for part in joined if part in bare or part.strip() in bare), None)
        if match is not None:
            found.append(bare.get(match) or bare[match.strip()])
            parts = parts[match.count(";") + 1 :]
        else:
            unknown += [part] if (part := parts.pop(0).strip()) else []
    if unknown:
        near = did_you_mean(unknown[0], sorted(known, reverse=True))  # the first of near-identical labels
        raise InputError(
            Problem(
                "column exclude", f"{preview(unknown)}: no population of these levels",
                f"labels such as {preview(sorted(known))}" if known else "an empty cell: the level 'all' has no labels",
                near or "write the labels as they are in obs, joined by ';'",
            )
        )  # fmt: skip
    return found
