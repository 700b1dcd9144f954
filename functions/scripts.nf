/*
 * What several modules need to build their scripts.
 */

// Text quoted as one word of a shell script.
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

// An option with its quoted value; nothing without a value.
def option(name, value) {
    return value == null || value.toString() == '' ? '' : "${name} ${quoted(value)}"
}

// The number in a file name, to sort the parts of tasks.
def number(path) {
    return path.name.replaceAll(/[^0-9]/, '') as int
}

// Fingerprint of the package modules that an executable imports, directly or indirectly. Nextflow hashes the executables of
// bin/ that a script names, but not their imports. So every process has this as `ext.code`, which Nextflow hashes because the
// script reads it: after an edit, only tasks that depend on the edited module run again. A module to which the registry of
// networks refers counts if another module of its part is imported: after an edit to a trainer, training runs again, but
// prediction does not.
def fingerprint(executable) {
    def package_folder = "${projectDir}/bin/scxpresso"
    def imported = imports_of("${projectDir}/bin/${executable}", ["${package_folder}/__init__.py".toString()])
    def parts = imported.collect { source -> file(source).parent.name }
    def sources = imported
        .collectMany { source -> modules_in(source, /"scxpresso\.([\w.]+):/) }
        .findAll { source -> file(source).parent.name in parts }
        .inject(imported) { known, next -> next in known ? known : imports_of(next, known + next) }
    return sources.sort().collect { source -> file(source).text }.join('\n').md5()
}

// Digest of the files in a folder. Of a folder that is staged as a whole, Nextflow hashes only the time of its last change.
def digest(folder) {
    return files("${projectDir}/${folder}/**").sort().collect { source -> source.text }.join('\n').md5()
}

// The modules that a source imports, directly or indirectly, added to those already known.
def imports_of(source, known) {
    def imported = modules_in(source, /(?m)^\s*from scxpresso\.([\w.]+) import/)
    return (imported - known).inject(known) { all, next -> next in all ? all : imports_of(next, all + next) }
}

// The files of the package's modules that a source names in one of the forms.
def modules_in(source, form) {
    return (file(source).text =~ form)
        .collect { found -> "${projectDir}/bin/scxpresso/${found[1].replace('.', '/')}.py".toString() }
        .unique()
}

// JSON for a here-document of a script: one line, so that nothing in it can end the document.
def json(content) {
    return groovy.json.JsonOutput.toJson(content)
}

def read_json(path) {
    return plain(new groovy.json.JsonSlurper().parseText(path.text))
}

// Parsed JSON in plain maps. Maps of the parser are built when they are first read, so if two operators read one at the same
// time, one of them may find it empty.
def plain(value) {
    if (value instanceof Map) {
        return value.collectEntries { name, one -> [name, plain(one)] }
    }
    return value instanceof List ? value.collect { one -> plain(one) } : value
}
