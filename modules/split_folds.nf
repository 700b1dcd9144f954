// Cross-validation folds of a genome, shared by all its models.
process SPLIT_FOLDS {
    tag "${genome}"
    label 'process_single'

    input:
    tuple val(genome), path(genes), path(features)
    val folds
    val method
    val seed
    val code                                        // fingerprint of the executable's modules

    output:
    tuple val(genome), path('folds.tsv'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${code}
    split_folds.py --genes ${genes} --features ${features} --folds ${folds} --method ${method} --seed ${seed}
    """

    stub:
    """
    touch folds.tsv
    """
}
