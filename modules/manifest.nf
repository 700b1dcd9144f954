/*
 * Which of a task's numbered files is what: steps that see everything at once read it in a manifest.
 */

def numbered(rows, folder, suffix) {
    return rows.withIndex(1).collect { row, number -> row + [path: "${folder}/${number}${suffix}".toString()] }
}

// Value channel of the manifest that EVALUATE and REPORT share.
def manifest(genomes_list, atlases_list, predictions_list) {
    return genomes_list.map { rows -> [rows.collect { row -> [genome: row[0]] }] }
        .combine(atlases_list.map { rows -> [rows.collect { row -> row[0] }] })
        .combine(predictions_list.map { rows -> [rows.collect { row -> row[0] }] })
        .map { genomes, atlases, predictions ->
            [
                genomes: numbered(genomes, 'genomes', ''),
                atlases: numbered(atlases, 'expression', ''),
                predictions: numbered(predictions, 'predictions', '.tsv.gz'),
            ]
        }
        .first()
}

def read_json(path) {
    return new groovy.json.JsonSlurper().parseText(path.text)
}

// What REPORT is told besides: the models' histories, and how the run was started; nothing that differs when a run is
// resumed, which would make the page anew.
def recorded(workflow, params, trained, notes, versions) {
    def histories = numbered(trained, 'histories', '/history.tsv').groupBy { row -> row.subMap('atlas', 'level', 'network') }
    return [
        models: histories.collect { model, rows -> model + [histories: rows.collect { row -> row.path }] },
        evaluation: 'evaluation',
        params: params,
        notes: read_json(notes).notes,
        versions: read_json(versions),
        run: [
            version: workflow.manifest.version,
            revision: workflow.commitId,
            command: workflow.commandLine.replaceAll(/ -resume( [0-9a-f-]{36})?\b/, ''),
            profile: workflow.profile,
            nextflow: workflow.nextflow.version.toString(),
            container: workflow.containerEngine ? workflow.container.toString() : null,
        ],
    ]
}
