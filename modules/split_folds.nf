include { fingerprint } from '../functions/scripts'

// Cross-validation folds of a genome, shared by all its models.
process SPLIT_FOLDS {
    tag "${genome} ${method}"
    label 'process_single'
    ext code: { fingerprint('split_folds.py') }

    input:
    tuple val(genome), val(method), path(genes), path(features)
    val folds
    val seed

    output:
    tuple val(genome), val(method), path('folds.tsv'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    split_folds.py --genes ${genes} --features ${features} --folds ${folds} --method ${method} --seed ${seed}
    """

    stub:
    """
    touch folds.tsv
    """
}
