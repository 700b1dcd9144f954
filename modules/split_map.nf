include { fingerprint } from '../functions/scripts'

// The genes of a variant map, in parts of neighbours, each with all that its task needs of them.
process SPLIT_MAP {
    tag "${genome} ${window}"
    label 'process_single'
    ext code: { fingerprint('split_map.py') }

    input:
    tuple val(genome), val(window), path(features), path(genes)
    val genes_per_part

    output:
    tuple val(genome), val(window), path('parts/*.h5', arity: '1..*'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    split_map.py --features ${features} --genes ${genes} --genes_per_part ${genes_per_part} --outdir parts
    """

    stub:
    """
    mkdir parts
    touch parts/1.h5
    """
}
