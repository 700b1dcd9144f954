/*
 * The machine-readable record of the run. It waits for everything else, except the checksums of inputs: they are computed
 * beside the training, once per file.
 */

include { read_json                    } from '../functions/scripts'
include { recorded                     } from '../functions/manifest'
include { entries                      } from '../functions/models'
include { CHECKSUM                     } from '../modules/checksum'
include { WRITE_CRATE                  } from '../modules/write_crate'

workflow PROVENANCE {
    take:
    plan_ch                                         // what to run (see main.nf)
    published_ch                                    // path in the results folder, and the file or folder that is published there
    notes_ch                                        // preflight.json
    versions_ch                                     // versions.json
    inputs                                          // inputs of the run
    run                                             // about the run
    options                                         // the parameters

    main:
    // [addresses, checksums.json]
    summed_ch = CHECKSUM(
        plan_ch.flatMap { given(inputs).collect { files -> [files.collect { path -> path.toUriString() }, files, states(inputs, files)] } },
    )
    // Each of them as the only item of a list, so that `combine` keeps it together; sorted, so that the order does not depend
    // on which task finished first.
    inputs_list = summed_ch
        .map { addresses, sums -> [addresses: addresses, files: read_json(sums)] }
        .toList()
        .map { files -> [files.toSorted { one -> one.addresses.join('\n') }] }
    outputs_list = published_ch
        .flatMap { one -> paths_of(one.path.toString(), one.file) }
        .toList()
        .map { paths -> [paths.toSorted()] }

    crate_ch = WRITE_CRATE(
        notes_ch.combine(versions_ch).combine(plan_ch).combine(inputs_list).combine(outputs_list).map { notes, versions, plan, summed, paths ->
            def record = recorded(run, options, plan, read_json(notes).notes, read_json(versions))
            [
                run: record.run.subMap('version', 'revision'),
                params: record.params,
                versions: record.versions,
                checked: read_json(notes).checked,
                uses: uses(inputs),
                inputs: summed,
                outputs: paths,
            ]
        },
        files("${projectDir}/{nextflow_schema,assets/schema_*}.json"),
        file("${projectDir}/main.nf"),
    )

    emit:
    crate_ch                                        // ro-crate-metadata.json, main.nf
}

// Every input once: small files in one list, each larger one and each folder in a list of its own, the files of a model (about a
// hundred) in one list.
def given(inputs) {
    def single = inputs.named.findAll { one -> one.file != null && one.sheet != 'models' }.collect { one -> one.file }.unique()
    def (large, small) = single.split { path -> path.isDirectory() || path.size() > 500_000_000 }
    return ([small] + large.collect { path -> [path] }).findAll() + inputs.models.collect { model -> [model.file] + model.folds + (model.pooled ? [model.pooled] : []) }
}

// The states of folders among files.
def states(inputs, files) {
    return inputs.named.findAll { one -> one.file in files }.collect { one -> one.state }.findAll().unique()
}

// The use of each file: a parameter, or a column of a sheet.
def uses(inputs) {
    return inputs.named
        .findAll { one -> one.file != null }
        .collect { one -> [address: one.file.toUriString(), parameter: one.sheet, column: one.column] }
        .unique()
}

// The path of a file as published; of a folder, those of the files in it.
def paths_of(path, file) {
    return file.isDirectory() ? entries(file).collectMany { entry -> paths_of("${path}/${entry.name}".toString(), entry) } : [path]
}
