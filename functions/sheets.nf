/*
 * Reads the input leniently: PREFLIGHT judges it, in one report, with every file that is named at hand.
 */

include { read_json                          } from './scripts'
include { trained_before ; entries ; maps_in } from './models'

// The columns of each sheet that name files, according to its schema; true for those that may also name a folder.
def file_columns() {
    def sheets = [input: 'atlases'] + ['genomes', 'populations', 'recipes', 'variants', 'predict', 'external_predictions', 'external_scores', 'benchmark'].collectEntries { name -> [name, name] }
    return sheets.collectEntries { sheet, schema ->
        def columns = read_json(file("${projectDir}/assets/schema_${schema}.json")).items.properties
        [sheet, columns.findAll { _name, rule -> rule.format in ['file-path', 'path'] }.collectEntries { name, rule -> [name, rule.format == 'path'] }]
    }
}

// A path, a URL, or a path relative to a folder, whether or not it exists; null if it cannot be looked up.
def resolved_path(value, folder) {
    def absolute = value ==~ /^(\/|[a-zA-Z][a-zA-Z0-9+.-]*:\/\/).*/
    try {
        def path = absolute || !folder ? file(value, glob: false) : folder.resolve(value)
        return path.exists() ? path : null
    }
    catch (Exception e) {
        log.debug("${value}: ${e}")
        return null
    }
}

// The rows of a CSV, as lists of cells. (splitCsv refuses a quotation mark in a cell, which file names may have.)
def cells(text) {
    def lines = text.replaceFirst('^\uFEFF', '').replaceAll('\r\n?', '\n') + '\n'
    def rows = [[]]
    (lines =~ /\G *+(?:"((?:[^"]++|"")*+)"|([^,\n]*+))(,|\n)/).each { _all, quoted, bare, end ->
        rows[-1] << (quoted == null ? bare : quoted.replace('""', '"')).replaceAll(/^[ \t]+|[ \t]+$/, '')
        if (end == '\n') {
            rows << []
        }
    }
    return rows.findAll { row -> row.any() }
}

// The rows of a sheet: [values, files], without blank cells and with each named file that exists.
def read_sheet(sheet, columns) {
    def rows = sheet && sheet.size() < 10_000_000 ? cells(new String(sheet.bytes, 'UTF-8')) : []
    return rows.drop(1).collect { row ->
        def values = [rows[0], row].transpose().collectEntries().findAll { column, value -> column && value }
        with_files(values, columns, sheet.parent)
    }
}

def with_files(values, columns, folder) {
    def files = columns.keySet()
        .findAll { column -> values[column] }
        .collectEntries { column -> [column, resolved_path(values[column].toString(), folder)] }
    return [values: values, files: files]
}

// The description of a file for PREFLIGHT; a folder is staged only where one may be named.
def source(about, value, path, folders) {
    def folder = path != null && path.isDirectory()
    return about + [value: value, folder: folder, file: folder && !folders ? null : path, state: folders ? state_of(path) : '']
}

// A digest of names, sizes and times of the files in a folder of counts; '' for a file. Nextflow hashes a folder by its own
// time of last change alone, which an edit of a file inside may not alter.
def state_of(path) {
    if (path == null || !path.isDirectory()) {
        return ''
    }
    def zarr = entries(path).any { entry -> entry.name in ['zarr.json', '.zgroup', '.zattrs', '.zmetadata'] }
    return states(path, zarr ? 20 : 1).sort().join('\n').md5()
}

def states(folder, levels) {
    return entries(folder).collectMany { path ->
        path.isDirectory() ? (levels > 1 ? states(path, levels - 1) : []) : ["${path.toUriString()} ${path.size()} ${path.lastModified()}".toString()]
    }
}

// The input as the user named it: rows of the sheets, models, single files; and every file among them in the order in which
// PREFLIGHT sees it.
def read_inputs(params) {
    def named = ['input', 'genomes', 'populations', 'recipes', 'variants', 'predict', 'external_predictions', 'benchmark', 'motifs', 'external_scores'].collect { name ->
        source([sheet: name], params[name], params[name] ? resolved_path(params[name].toString(), null) : null, false)
    }
    def file_of = named.collectEntries { one -> [one.sheet, one.file] }
    def columns = file_columns()
    def rows = columns.collectEntries { name, of_files -> [name, read_sheet(file_of[name], of_files)] }
    def models_folder = params.models ? resolved_path(params.models.toString(), null) : null
    def models = models_folder?.isDirectory() ? trained_before(models_folder) : []
    if (!params.genomes) {
        def name = (rows.input + models).collect { row -> row.values.genome }.find()
        rows.genomes = [with_files([genome: name, fasta: params.fasta, gtf: params.gtf], columns.genomes, null)]
    }
    // --gene_features names the table of the only genome.
    if (params.gene_features && rows.genomes.size() == 1 && !rows.genomes[0].values.gene_features) {
        def table = with_files([gene_features: params.gene_features], columns.genomes, null)
        rows.genomes = [[values: rows.genomes[0].values + table.values, files: rows.genomes[0].files + table.files]]
    }
    // --saturate may name a list of genes instead of genes. A folder is none: that of the results may be named like a gene.
    def list = params.saturate ? resolved_path(params.saturate.toString(), null) : null
    list = list?.isDirectory() ? null : list
    if (list != null) {
        named << source([sheet: 'saturate'], params.saturate, list, false)
    }

    rows.each { kind, of_kind ->
        of_kind.eachWithIndex { row, index ->
            row.files.each { column, path ->
                named << source([sheet: kind, row: index + 1, column: column], row.values[column], path, columns[kind][column])
            }
        }
    }
    models.eachWithIndex { model, index ->
        named << source([sheet: 'models', row: index + 1, networks: model.networks], model.file.toUriString(), model.file, false)
    }
    def maps_folder = params.use_variant_map ? resolved_path(params.use_variant_map.toString(), null) : null
    def maps = maps_folder?.isDirectory() ? maps_in(maps_folder) : []
    maps.eachWithIndex { map, index ->
        named << source([sheet: 'use_variant_map', row: index + 1], map.file.toUriString(), map.file, false)
    }
    return [
        atlases: rows.input.collect { row -> row + [state: state_of(row.files.counts)] },
        genomes: rows.genomes,
        sets: rows.variants,
        samples: rows.predict,
        predictions: rows.external_predictions,
        models: models,
        maps: maps,
        motifs: file_of.motifs ?: [],
        benchmarks: rows.benchmark,
        // --external_scores may name a sheet, or a table of scores.
        external: file_of.external_scores && !rows.external_scores.any { row -> row.values.file } ? file_of.external_scores : [],
        scores: rows.external_scores.findAll { row -> row.values.file },
        list: list ?: [],
        named: named,
        files: named.collect { one -> one.file }.findAll { path -> path != null },
    ]
}

// The request of PREFLIGHT: parameters, and the staged path of each named file; null if it was not found.
def preflight_request(params, inputs) {
    def staged = 0
    return [
        params: params,
        genome: inputs.genomes ? inputs.genomes[0].values.genome : null,
        sources: inputs.named.collect { one ->
            staged = one.file ? staged + 1 : staged
            one.subMap('sheet', 'row', 'column', 'value', 'folder', 'state', 'networks') + [staged_path: one.file ? "sources/${staged}/file".toString() : null]
        },
    ]
}
