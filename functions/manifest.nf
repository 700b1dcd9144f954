/*
 * Which of a task's numbered files is what: steps that see everything at once read it in a manifest.
 */

// A file for such a step: what kind of thing it is part of, that thing's names, and what the file is of it.
def part(kind, about, role, file) {
    return [kind: kind, about: about, role: role, file: file]
}

// The parts as a manifest: a list of entries a kind, with the staged path of each part under its role.
def contents(parts) {
    def kinds = ['genomes', 'atlases', 'models', 'predictions', 'evaluation', 'saturation', 'variants', 'sets', 'motifs', 'warnings']
    def staged = parts.withIndex(1).collect { one, number -> one + [path: "files/${number}/${one.file.name}".toString()] }
    def entries = kinds.collectEntries { kind ->
        def of_kind = staged.findAll { one -> one.kind == kind }.groupBy { one -> one.about }
        [kind, of_kind.collect { about, roles -> about + paths(roles) }]
    }
    return entries + ['evaluation', 'motifs'].collectEntries { kind -> [kind, entries[kind] ? entries[kind][0].path : null] }
}

// role: path; of the roles `histories` and `warnings`, which several files have, a list.
def paths(roles) {
    return roles.groupBy { one -> one.role }.collectEntries { role, same ->
        def all = same.collect { one -> role == 'histories' ? "${one.path}/history.tsv".toString() : one.path }
        [role, role in ['histories', 'warnings'] ? all : all[0]]
    }
}

// What REPORT is told besides: how the run was started; nothing that differs when a run is resumed, which would make the
// page anew.
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
