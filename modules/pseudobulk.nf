include { option } from '../functions/scripts'

// Expression of every population of an atlas, all levels in one pass.
process PSEUDOBULK {
    tag "${atlas.atlas}"
    label 'process_medium'

    input:
    tuple val(atlas), path(counts, stageAs: 'counts'), path(genes)
    val recipe                                      // aggregation, pseudocount, min_cells, seed
    val code                                        // fingerprint of the executable's modules

    output:
    tuple val(atlas), path('expression'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${code}
    pseudobulk.py --counts counts --protocol ${atlas.protocol} --levels '${atlas.levels.join(';')}' --genes ${genes} \\
        --min_cells ${atlas.min_cells ?: (atlas.protocol == 'bulk' ? 1 : recipe.min_cells)} ${option('--floor', atlas.floor)} \\
        ${option('--layer', atlas.layer)} ${option('--gene_column', atlas.gene_column)} \\
        ${option('--library_column', atlas.library_column)} ${option('--exclude', atlas.exclude)} \\
        --aggregation ${recipe.aggregation} --pseudocount ${recipe.pseudocount} --seed ${recipe.seed} --outdir expression
    """

    stub:
    """
    mkdir expression
    touch expression/dropped_genes.tsv expression/dropped_populations.tsv
    for level in ${atlas.levels.join(' ')}; do touch expression/\$level.tsv.gz expression/\$level.populations.tsv; done
    """
}
