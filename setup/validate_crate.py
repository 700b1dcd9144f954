"""Validate an RO-Crate, given by its folder, by the profile Workflow Run Crate; what is required of it must hold.

Run by the Python of .tools/checkers/roc-validator. RO-Crate's context is the one that the package rocrate brings, so that no
network is needed; any other address would fail.
"""

import sys
from pathlib import Path
from urllib.parse import unquote

import requests
import rocrate
from requests.adapters import HTTPAdapter
from rocrate.rocrate import ROCrate
from rocrate_validator import models, services

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def answer(_adapter, request, **_options) -> requests.Response:
    """The context to whoever asks for it."""
    response = requests.Response()
    response.url, response.request, response.encoding = request.url, request, "utf-8"
    response.headers["Content-Type"] = "application/ld+json"
    response.status_code = 200 if request.url == CONTEXT else 504
    response._content = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()
    return response


def main(folder: str) -> int:
    HTTPAdapter.send = answer
    settings = services.ValidationSettings(
        rocrate_uri=folder,
        profile_identifier="workflow-run-crate-0.5",
        requirement_severity=models.Severity.REQUIRED,
        no_cache=True,
    )
    result = services.validate(settings)
    for issue in result.get_issues():
        print(issue.check.identifier, issue.message, issue.violatingEntity, file=sys.stderr)
    crate = ROCrate(folder)  # as other programs read it
    paths = [unquote(entity.id) for entity in crate.data_entities if ":" not in entity.id]
    lost = [path for path in paths if not (Path(folder) / path).exists()]
    print(f"{len(crate.data_entities)} data entities, of which {len(lost)} are not there: {lost[:5]}")
    return 0 if result.passed() and not lost else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
