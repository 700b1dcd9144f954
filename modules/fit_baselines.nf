// Out-of-fold predictions of the baselines, in the format of a network's.
process FIT_BASELINES {
    tag "${model.atlas} ${model.level}"
    label 'process_medium'

    input:
    tuple val(model), path(features), path(expression), path(folds)
    val code                                        // fingerprint of the executable's modules

    output:
    tuple val(model), path('mean.tsv.gz'), path('half_life.tsv.gz'), path('kmer.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${code}
    fit_baselines.py --features ${features} --expression ${expression} --folds ${folds}
    """

    stub:
    """
    touch mean.tsv.gz half_life.tsv.gz kmer.tsv.gz
    """
}
