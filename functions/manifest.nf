/*
 * Manifests: they tell steps that read everything at once what each numbered file is.
 */

// A file for such a step: the kind of entry it belongs to, the names of the entry, and the role of the file.
def part(kind, about, role, file) {
    return [kind: kind, about: about, role: role, file: file]
}

// The parts as a manifest: one list of entries per kind, with the staged path of each part under its role.
def contents(parts) {
    def kinds = ['genomes', 'atlases', 'models', 'predictions', 'evaluation', 'saturation', 'variants', 'sets', 'motifs', 'warnings']
    def staged = parts.withIndex(1).collect { one, number -> one + [path: "files/${number}/${one.file.name}".toString()] }
    def entries = kinds.collectEntries { kind ->
        def of_kind = staged.findAll { one -> one.kind == kind }.groupBy { one -> one.about }
        [kind, of_kind.collect { about, roles -> about + paths(roles) }]
    }
    return entries + ['evaluation', 'motifs'].collectEntries { kind -> [kind, entries[kind] ? entries[kind][0].path : null] }
}

// role: path; a list for `histories`, `benchmarks` and `warnings`, which several files have.
def paths(roles) {
    return roles.groupBy { one -> one.role }.collectEntries { role, same ->
        def all = same.collect { one -> role == 'histories' ? "${one.path}/history.tsv".toString() : one.path }
        [role, role in ['histories', 'benchmarks', 'warnings'] ? all : all[0]]
    }
}

// Further input of REPORT: how the run was started. It has nothing that changes when a run is resumed, because the page would
// be made again.
def recorded(workflow, params, plan, notes, versions) {
    return [
        params: params + plan.windows[0].subMap('upstream', 'downstream', 'features'),
        notes: notes,
        versions: versions,
        run: [
            version: workflow.manifest.version,
            revision: workflow.commitId,
            command: workflow.commandLine.replaceAll(/ -resume( [0-9a-f-]{36})?\b/, ''),
            profile: workflow.profile,
            nextflow: workflow.nextflow.version.toString(),
            container: versions.container,
        ],
    ]
}
