/*
 * Reading the sheets, leniently: PREFLIGHT judges them, in one report, with every file that they name at hand.
 */

// The columns of each sheet that name a file.
def file_columns() {
    return [input: ['counts'], genomes: ['fasta', 'gtf', 'canonical', 'ccres']]
}

// A path, a URL, or a path relative to a folder, as a file; null where there is none.
def existing(given, folder) {
    def absolute = given ==~ /^(\/|[a-zA-Z][a-zA-Z0-9+.-]*:\/\/).*/
    def found = given ? file(absolute || !folder ? given : "${folder.toUriString()}/${given}", glob: false) : null
    return found && found.exists() && !found.isDirectory() ? found : null
}

// The rows of a sheet: [values, files], with blanks left out and each named file that exists.
def read_sheet(sheet, kind) {
    if (!sheet) {
        return []
    }
    def rows = sheet.splitCsv(header: true, quote: '"', strip: true)
    return rows.collect { row -> with_files(row.findAll { column, value -> column && value }, kind, sheet.parent) }
}

def with_files(values, kind, folder) {
    def files = file_columns()[kind]
        .findAll { column -> values[column] }
        .collectEntries { column -> [column, existing(values[column].toString(), folder)] }
    return [values: values, files: files]
}

// Atlases and genomes as the user gave them, and every file among them in the order in which PREFLIGHT sees it.
def read_inputs(params) {
    def sheets = ['input', 'genomes'].collectEntries { name -> [name, existing(params[name]?.toString(), null)] }
    def atlases = read_sheet(sheets.input, 'input')
    def genomes = params.genomes
        ? read_sheet(sheets.genomes, 'genomes')
        : [with_files([genome: atlases.collect { row -> row.values.genome }.find(), fasta: params.fasta, gtf: params.gtf], 'genomes', null)]

    def named = sheets.collect { name, path -> [sheet: name, given: params[name], file: path] }
    [input: atlases, genomes: genomes].each { kind, rows ->
        rows.eachWithIndex { row, index ->
            row.files.each { column, path -> named << [sheet: kind, row: index + 1, column: column, given: row.values[column], file: path] }
        }
    }
    return [atlases: atlases, genomes: genomes, named: named, files: named.collect { source -> source.file }.findAll()]
}

// What PREFLIGHT is told: parameters, and where each named file is staged; null for one that was not found.
def preflight_request(params, inputs) {
    def staged = 0
    return [
        params: params,
        genome: inputs.genomes ? inputs.genomes[0].values.genome : null,
        sources: inputs.named.collect { source ->
            staged = source.file ? staged + 1 : staged
            source.subMap('sheet', 'row', 'column', 'given') + [staged: source.file ? "sources/${staged}/file".toString() : null]
        },
    ]
}
