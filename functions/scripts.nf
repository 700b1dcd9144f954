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
// that a script names but not what they import, so the script of every process has this in it: an edited module re-runs
// what depends on it, and nothing else.
def fingerprint(executable) {
    def sources = sourcesOf("${projectDir}/bin/${executable}", ["${projectDir}/bin/scxpresso/__init__.py".toString()])
    return sources.sort().collect { source -> file(source).text }.join('\n').md5()
}

def sourcesOf(source, known) {
    def imported = (file(source).text =~ /(?m)^\s*from scxpresso\.([\w.]+) import/)
        .collect { found -> "${projectDir}/bin/scxpresso/${found[1].replace('.', '/')}.py".toString() }
    return (imported - known).unique().inject(known) { all, next -> next in all ? all : sourcesOf(next, all + next) }
}

// JSON for a script's here-document: one line, so that nothing in it can end the document.
def json(content) {
    return groovy.json.JsonOutput.toJson(content)
}

def read_json(path) {
    return new groovy.json.JsonSlurper().parseText(path.text)
}
