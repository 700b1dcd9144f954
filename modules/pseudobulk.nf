include { fingerprint ; option } from '../functions/scripts'

// Expression of every population of an atlas, all levels in one pass.
process PSEUDOBULK {
    tag "${atlas.atlas}"
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('pseudobulk.py') }

    input:
    tuple val(atlas), path(counts, stageAs: 'counts'), path(annotations, stageAs: 'annotations'), val(state), path(genes)
    val settings                                    // aggregation, pseudocount, min_cells, seed

    output:
    tuple val(atlas), path('expression'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    // --parents majority: PREFLIGHT has compared parents with the sheet, which is all that its column decides.
    def bulk = atlas.protocol == 'bulk'
    def combined = bulk ? "--aggregation ${atlas.aggregation ?: settings.aggregation} --pseudocount ${atlas.pseudocount ?: settings.pseudocount}" : ''
    """
    export PIPELINE_CODE=${task.ext.code}
    pseudobulk.py --counts counts --protocol ${atlas.protocol} --levels '${atlas.levels.join(';')}' --genes ${genes} \\
        --min_cells ${atlas.min_cells ?: (bulk ? 1 : settings.min_cells)} ${option('--floor', atlas.floor)} \\
        ${option('--layer', atlas.layer)} ${option('--gene_column', atlas.gene_column)} \\
        ${annotations ? '--annotations annotations' : ''} ${option('--cells', atlas.cells)} \\
        ${option('--donor_column', atlas.donor_column)} \\
        ${option('--library_column', atlas.library_column)} ${option('--exclude', atlas.exclude)} \\
        ${combined} --parents majority --seed ${settings.seed} --outdir expression
    """

    stub:
    """
    mkdir -p expression/fraction expression/dispersion
    touch expression/dropped_genes.tsv expression/dropped_populations.tsv
    for level in ${atlas.levels.join(' ')}; do touch expression/\$level.tsv.gz expression/\$level.populations.tsv expression/fraction/\$level.tsv.gz expression/dispersion/\$level.tsv.gz; done
    """
}
