"""The machine-readable record of a run: an RO-Crate of the profile Workflow Run Crate 0.5, which builds on RO-Crate 1.1.

The file is in pipeline_info/ and describes the whole results folder. Paths of results are relative to the file, as usual in
an RO-Crate, so most lead out of its folder (`../report.html`). Inputs have their absolute addresses. The same manifest gives
the same bytes.
"""

import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from scxpresso.reporting.addresses import file_name, file_uri, without_secrets
from scxpresso.store import read_json

FOLDER = "pipeline_info"  # of the crate, in the results folder
WORKFLOW, RUN, AUTHORS, RIGHTS = "main.nf", "#run", "#authors", "#rights"
NEXTFLOW = "https://w3id.org/workflowhub/workflow-ro-crate#nextflow"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
# Terms of the profile that are not in the context of RO-Crate; written out, so that a reader needs only that context.
TERMS = {
    name: f"https://w3id.org/ro/terms/workflow-run#{name}"
    for name in ("sha256", "containerImage", "ContainerImage", "registry", "tag")
}
TYPES = {"integer": "Integer", "number": "Float", "boolean": "Boolean", "string": "Text"}

# Descriptions of published files, by path (the first match counts); docs/output.md describes the columns.
OUTPUTS = {
    "report.html": "The run on one page",
    "genomes/*/genes.tsv": "Genes of the genome with their annotation features",
    "genomes/*/features.h5": "Promoter sequences and annotation features that models read",
    "genomes/*/windows/*/features.h5": "As features.h5, for another promoter window",
    "genomes/*/folds.tsv": "The fold in which each gene is held out",
    "genomes/*/folds.*.tsv": "As folds.tsv, for another fold method",
    "genomes/*/dropped_genes.tsv": "Genes of the annotation that are not used, and why",
    "genomes/*/transcripts.bed": "The transcript that represents each gene",
    "expression/*/dropped_populations.tsv": "Populations of the atlas that are not used, and why",
    "expression/*/dropped_genes.tsv": "Genes of the atlas that are not used, and why",
    "expression/*/*.populations.tsv": "Populations of a level: cells, genes and noise ceiling",
    "expression/*/fraction/*.tsv.gz": "Fraction of cells in which each gene is detected, in each population of a level",
    "expression/*/dispersion/*.tsv.gz": "Dispersion (log10) of each gene's counts, in each population of a level",
    "expression/*/*.tsv.gz": "Observed expression of each gene in each population of a level (log10)",
    "models/*/*/*/model.json": "Description of a model: inputs, populations, folds and held-out correlations",
    "models/*/*/*/fold_*/history.tsv": "Losses of every epoch of training, for one fold",
    "models/*/*/*/fold_*/*.safetensors": "Weights of one trained network",
    "predictions/*/fraction/*.tsv.gz": "Observed and out-of-fold predicted fractions of cells",
    "predictions/*/dispersion/*.tsv.gz": "Observed and out-of-fold predicted dispersions (log10)",
    "predictions/*/*.tsv.gz": "Observed and out-of-fold predicted expression of each gene in each population",
    "evaluation/populations.tsv": "Held-out correlations of each population and fold",
    "evaluation/genes.tsv": "Held-out correlation of each gene over the populations",
    "evaluation/summary.tsv": "Held-out performance of each model and baseline",
    "evaluation/comparisons.tsv": "Each population's own model compared with other predictions of it",
    "evaluation/intervals.tsv": "How often observed expression lies in the prediction intervals",
    "evaluation/targets.tsv": "Held-out correlations of further targets, and what they gain for hardly detected genes",
    "evaluation/leakage.tsv": "How much better models score on folds that let related genes leak",
    "evaluation/agreement.tsv": "Correlation of bulk and pseudobulk, and of protocols, of one tissue",
    "evaluation/distributions.tsv": "Distribution of each population's expression over genes",
    "evaluation/histograms.tsv": "Histogram of each population's expression over genes",
    "saturation/*/*/effects.h5": "Effect of every substitution in the windows of the chosen genes",
    "saturation/*/*/profiles.tsv.gz": "The substitution with the largest effect at each position",
    "saturation/*/*/positions.tsv": "Mean of the largest effects by distance to the TSS",
    "saturation/*/*/contrasts.tsv.gz": "Profiles of two populations compared",
    "models/*/*/*/motifs.tsv": "Motifs that the networks have learned, by population",
    "models/*/*/*/motifs.meme": "The same motifs, in MEME's format",
    "models/*/*/*/pooled_effects.h5": "Effects of substitutions in shuffled windows, which variants are compared with",
    "saturation/*/*/motifs.tsv": "Importance of each motif's hits",
    "saturation/*/*/seqlets.tsv.gz": "Seqlets (stretches that matter), with the motifs that they match",
    "variant_map/*/*/map.json": "What a variant map is of, and how its values are quantised",
    "variant_map/*/*/genes.tsv": "The genes of a variant map, and where each one is stored",
    "variant_map/*/*/*.zarr/zarr.json": "A store of a variant map (Zarr)",
    "variant_map/*/*/*.zarr/*/zarr.json": "An array of a variant map (Zarr)",
    **{f"variant_map/*/*/*.zarr/*/c{'/*' * rank}": "Values of a variant map (Zarr)" for rank in (1, 2, 4)},
    "variants/*/rejected.tsv": "Variants that were not scored, and why",
    "variants/*/counts.json": "How many variants were read, scored and rejected",
    "variants/*/*.motifs.tsv.gz": "Motifs that variants change",
    "variants/*/*.external.tsv": "Effects of variants beside other tools' scores",
    "variants/*/*.correlations.tsv": "Correlations of effects with other tools' scores",
    "variants/*/*.tsv.gz": "Effects of variants on the expression of genes in each population",
    "benchmark/*/*.metrics.tsv": "How well predicted effects agree with measured ones",
    "benchmark/*/*.tsv.gz": "Predicted effects of variants beside measured ones",
    "external_scores/*.unused.tsv": "Alleles of another tool's scores that are not used, and why",
    "external_scores/*.tsv.gz": "Scores of another tool, with alleles of the genome",
    "samples/*/*.tsv.gz": "Predicted expression of new sequences",
    "pipeline_info/params.json": "Every parameter of the run",
    "pipeline_info/preflight.json": "Decisions of the input checks",
    "pipeline_info/versions.json": "Versions of the software used",
}
UNDESCRIBED = "A result of the pipeline"
FORMATS = {
    "bcf": "application/octet-stream",
    "bed": "text/plain",
    "csv": "text/csv",
    "gz": "application/gzip",
    "h5": "application/x-hdf5",
    "h5ad": "application/x-hdf5",
    "html": "text/html",
    "json": "application/json",
    "safetensors": "application/octet-stream",
    "tsv": "text/tab-separated-values",
}


def describe_run(manifest: dict, folder: str | Path) -> dict:
    """Build the content of ro-crate-metadata.json. manifest: see write_crate.py. folder: that of the JSON Schemas."""
    schemas = {path.stem: read_json(path) for path in Path(folder).glob("*.json")}
    rules = {
        name: rule
        for group in schemas["nextflow_schema"]["$defs"].values()
        for name, rule in group["properties"].items()
    }
    inputs = input_files(manifest, rules, schemas)
    values, parameters = parameter_entities(manifest["params"], rules, inputs)
    outputs = [output_file(path) for path in manifest["outputs"]]
    software = software_entities(manifest["versions"])
    images = [
        image_entity(name, manifest["versions"][name])
        for name in ("container", "container_gpu")
        if name in manifest["versions"]
    ]
    files = [workflow_entity(manifest, schemas, parameters, software), *inputs, *outputs]
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": refs([{"@id": "https://w3id.org/ro/crate/1.1"}, {"@id": list(PROFILES)[-1]}]),
        },
        root_entity(manifest, files),
        *files,
        run_entity(manifest, [*inputs, *values], outputs, images),
        *parameters,
        *values,
        *software,
        *images,
        *context_entities(manifest["versions"]),
    ]
    return {"@context": ["https://w3id.org/ro/crate/1.1/context", TERMS], "@graph": graph}


def refs(entities: list[dict]) -> dict | list[dict]:
    """Make references to entities; a single one is not a list, as RO-Crate recommends."""
    found = [{"@id": entity["@id"]} for entity in entities]
    return found[0] if len(found) == 1 else found


def linked(**properties: list[dict]) -> dict:
    """Make properties that refer to entities; properties without any are omitted."""
    return {name: refs(entities) for name, entities in properties.items() if entities}


def root_entity(manifest: dict, files: list[dict]) -> dict:
    """Describe the results folder."""
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": "Results of nf-scxpresso",
        "description": "Inputs and results of a run of nf-scxpresso. The results are in the folder above that of this file.",
        "datePublished": manifest["checked"],
        "license": {"@id": RIGHTS},
        "conformsTo": refs([{"@id": profile} for profile in PROFILES]),
        "mainEntity": {"@id": WORKFLOW},
        "hasPart": refs(files),
        "mentions": {"@id": RUN},
    }


def workflow_entity(manifest: dict, schemas: dict, parameters: list[dict], software: list[dict]) -> dict:
    """Describe the pipeline; a copy of its main script is published beside the crate."""
    run = manifest["run"]
    return {
        "@id": WORKFLOW,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "nf-scxpresso",
        "description": schemas["nextflow_schema"]["description"],
        "encodingFormat": "text/plain",
        "conformsTo": {"@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"},
        "version": run["version"],
        **({"identifier": run["revision"]} if run["revision"] else {}),
        "license": "https://spdx.org/licenses/MIT",
        "creator": {"@id": AUTHORS},
        "programmingLanguage": {"@id": NEXTFLOW},
        **linked(input=parameters, softwareRequirements=software),
    }


def run_entity(manifest: dict, objects: list[dict], results: list[dict], images: list[dict]) -> dict:
    """Describe the run itself. It starts when its input is checked; its end is not known yet."""
    return {
        "@id": RUN,
        "@type": "CreateAction",
        "name": f"Run of nf-scxpresso {manifest['run']['version']}",
        "description": "Inputs, parameters and results of one run of the workflow",
        "startTime": manifest["checked"],
        "instrument": {"@id": WORKFLOW},
        **linked(object=objects, result=results, containerImage=images),
    }


def input_files(manifest: dict, rules: dict, schemas: dict) -> list[dict]:
    """Describe each input file, with its checksum."""
    uses: dict[str, list[dict]] = {}
    for use in manifest["uses"]:
        uses.setdefault(use["address"], []).append(use)
    found = {}
    for group in manifest["inputs"]:
        for file in group["files"]:
            address = group["addresses"][file["number"] - 1]
            named = uses.get(address, [{"parameter": "models", "column": None}])
            uri = file_uri(f"{address}/{file['path']}" if file["path"] else address)
            parameters = {name for use in named if (name := parameter_of(use, manifest["params"]))}
            found[uri] = {
                "@id": uri,
                "@type": "File",
                "name": file_name(uri),
                "description": "; ".join(dict.fromkeys(purpose(use, rules, schemas) for use in named)),
                "encodingFormat": encoding_format(file_name(uri)),
                "contentSize": str(file["size"]),
                "sha256": file["sha256"],
                **linked(exampleOfWork=[{"@id": parameter_id(name)} for name in sorted(parameters)]),
            }
    return [found[uri] for uri in sorted(found)]


def parameter_of(use: dict, params: dict) -> str | None:
    """Return the parameter whose value is the file; None if a sheet names the file."""
    name = use["column"] or use["parameter"]
    if use["column"] and not (use["parameter"] == "genomes" and params["genomes"] is None):
        return None
    return name


def purpose(use: dict, rules: dict, schemas: dict) -> str:
    """Describe the role of an input file, in the words of the schemas."""
    rule = rules[use["parameter"]]
    if use["column"]:
        return schemas[Path(rule["schema"]).stem]["items"]["properties"][use["column"]]["description"]
    return rule["description"]


def output_file(path: str) -> dict:
    """Describe one published file."""
    described = (text for pattern, text in OUTPUTS.items() if PurePosixPath(path).match(pattern))
    return {
        "@id": quote(posixpath.relpath(path, FOLDER)),
        "@type": "File",
        "name": path,
        "description": next(described, UNDESCRIBED),
        "encodingFormat": encoding_format(path),
    }


def encoding_format(path: str) -> str:
    """Return the media type of a file by its name; that of text if it is unknown."""
    is_chunk = ".zarr/" in path and not path.endswith(".json")
    return "application/octet-stream" if is_chunk else FORMATS.get(path.rsplit(".", 1)[-1].lower(), "text/plain")


def parameter_id(name: str) -> str:
    """Make the @id of a parameter, which differs from that of its value."""
    return f"#parameter-{name}"


def parameter_entities(params: dict, rules: dict, inputs: list[dict]) -> tuple[list[dict], list[dict]]:
    """Describe the values of parameters that are not files, and all parameters with a value, in the order of the schema."""
    values, parameters = [], []
    for name, rule in rules.items():
        value = params.get(name)
        if value is None:
            continue
        me = {"@id": parameter_id(name)}
        examples = [file for file in inputs if me in as_list(file.get("exampleOfWork", []))]
        kind = "File" if examples else TYPES[rule["type"]]
        if not examples:
            text = without_secrets(value) if isinstance(value, str) else value
            examples = [
                {"@id": f"#value-{name}", "@type": "PropertyValue", "name": name, "value": text, "exampleOfWork": me}
            ]
            values += examples
        parameters.append(
            me
            | {
                "@type": "FormalParameter",
                "name": name,
                "description": rule["description"],
                "additionalType": kind,
                "conformsTo": {"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"},
                "workExample": refs(examples),
            }
        )
    return values, parameters


def as_list(value: Any) -> list:
    """Wrap a value in a list unless it is one."""
    return value if isinstance(value, list) else [value]


def software_entities(versions: dict) -> list[dict]:
    """Describe all programs and packages except Nextflow (the language of the workflow) and the images."""
    return [
        {"@id": f"#software-{name}", "@type": "SoftwareApplication", "name": name, "softwareVersion": version}
        for name, version in versions.items()
        if name not in ("nf-scxpresso", "nextflow", "container", "container_gpu")
    ]


def image_entity(name: str, image: str) -> dict:
    """Describe a container image from its address, registry/name:tag@sha256:digest; only the name is required."""
    rest, _, digest = image.removeprefix("docker://").partition("@sha256:")
    tagged = re.search(r":([^:/]*)$", rest)
    address, tag = (rest[: tagged.start()], tagged[1]) if tagged else (rest, None)
    first, slash, path = address.partition("/")
    registry = first if slash and re.search(r"[.:]|^localhost$", first) else None
    kind = "SIFImage" if address.endswith((".sif", ".img")) else "DockerImage"
    properties = {"registry": registry, "name": path if registry else address, "tag": tag, "sha256": digest or None}
    return {
        "@id": f"#{name}",
        "@type": "ContainerImage",
        "additionalType": {"@id": f"https://w3id.org/ro/terms/workflow-run#{kind}"},
        **{name: value for name, value in properties.items() if value},
    }


def context_entities(versions: dict) -> list[dict]:
    """Describe the entities to which others refer and that are not files."""
    nextflow = {"version": versions["nextflow"]} if "nextflow" in versions else {}
    return [
        {"@id": NEXTFLOW, "@type": "ComputerLanguage", "name": "Nextflow", "url": {"@id": "https://www.nextflow.io/"}}
        | nextflow,
        {"@id": AUTHORS, "@type": "Organization", "name": "the nf-scxpresso authors"},
        {
            "@id": RIGHTS,
            "@type": "CreativeWork",
            "name": "Rights",
            "description": "Those who made the run decide on the rights to its results, within the licences of the inputs.",
        },
        *(
            {"@id": profile, "@type": "CreativeWork", "name": name, "version": profile.rsplit("/", 1)[1]}
            for profile, name in PROFILES.items()
        ),
    ]
