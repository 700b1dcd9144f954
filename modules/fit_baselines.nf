include { fingerprint } from '../functions/scripts'

// Out-of-fold predictions of the baselines, in the format of a network's.
process FIT_BASELINES {
    tag "${level.atlas} ${level.level} ${method}"
    label 'process_medium'
    ext code: { fingerprint('fit_baselines.py') }

    input:
    tuple val(level), val(method), path(features), path(expression), path(folds)

    output:
    tuple val(level), val(method), path('*.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    fit_baselines.py --features ${features} --expression ${expression} --folds ${folds} --threads ${task.cpus}
    """

    stub:
    """
    touch mean.tsv.gz half_life.tsv.gz gc_cpg.tsv.gz kmer.tsv.gz
    """
}
