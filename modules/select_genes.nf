include { fingerprint ; option } from '../functions/scripts'

// The genes to saturate, in the chunks that tasks take.
process SELECT_GENES {
    tag "${atlas.atlas}"
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('select_genes.py') }

    input:
    tuple val(atlas), path(genes), path(counts, stageAs: 'counts'), path(annotations, stageAs: 'annotations'), val(state)
    // counts, annotations: [] but for highly variable genes
    val selection                                   // gene ids, hvg:N or all; null where there is a list
    path list, stageAs: 'list.txt'
    val genes_per_task
    val seed

    output:
    tuple val(atlas), path('chunks/*.txt', arity: '1..*'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    select_genes.py --genes ${genes} ${list ? '--list list.txt' : option('--select', selection)} \\
        ${counts ? '--counts counts' : ''} ${option('--layer', atlas.layer)} ${option('--gene_column', atlas.gene_column)} \\
        ${annotations ? '--annotations annotations' : ''} ${option('--cells', atlas.cells)} \\
        ${option('--library_column', atlas.library_column)} \\
        --genes_per_chunk ${genes_per_task} --seed ${seed} --outdir chunks
    """

    stub:
    """
    mkdir chunks
    touch chunks/1.txt
    """
}
