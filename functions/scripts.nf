/*
 * What several modules need to build their scripts.
 */

// Text as one word of a shell script, whatever is in it.
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

// An option with its quoted value, or nothing where there is no value.
def option(name, value) {
    return value == null || value.toString() == '' ? '' : "${name} ${quoted(value)}"
}

// The number in a file's name, to put the parts of tasks into their order.
def number(path) {
    return path.name.replaceAll(/[^0-9]/, '') as int
}

// Fingerprint of the package modules that an executable imports, directly or not. Nextflow hashes the executables of bin/
// that a script names but not what they import, so every process has this as `ext.code`, which Nextflow hashes because the
// script reads it: an edited module re-runs what depends on it, and nothing else. A module that the registry of networks
// refers to counts where something else of its part is imported: an edited trainer trains again, and predicts nothing again.
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

// Digest of a folder's files: of a folder that is staged as a whole, Nextflow hashes no more than when it was changed.
def digest(folder) {
    return files("${projectDir}/${folder}/**").sort().collect { source -> source.text }.join('\n').md5()
}

// The modules that a source imports, directly or not, added to those that are known.
def imports_of(source, known) {
    def imported = modules_in(source, /(?m)^\s*from scxpresso\.([\w.]+) import/)
    return (imported - known).inject(known) { all, next -> next in all ? all : imports_of(next, all + next) }
}

// The files of the package's modules that a source names in a form.
def modules_in(source, form) {
    return (file(source).text =~ form)
        .collect { found -> "${projectDir}/bin/scxpresso/${found[1].replace('.', '/')}.py".toString() }
        .unique()
}

// JSON for a script's here-document: one line, so that nothing in it can end the document.
def json(content) {
    return groovy.json.JsonOutput.toJson(content)
}

def read_json(path) {
    return plain(new groovy.json.JsonSlurper().parseText(path.text))
}

// Parsed JSON in plain maps: the parser's own are built when first read, and of two operators that read one at once, one may
// find nothing in it.
def plain(value) {
    if (value instanceof Map) {
        return value.collectEntries { name, one -> [name, plain(one)] }
    }
    return value instanceof List ? value.collect { one -> plain(one) } : value
}
