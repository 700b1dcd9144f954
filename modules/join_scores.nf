include { fingerprint } from '../functions/scripts'

// All scores of a set by a model, with q-values over the set.
process JOIN_SCORES {
    tag "${scored.set} ${scored.id}"
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('join_scores.py') }

    input:
    tuple val(scored), path(scores)

    output:
    tuple val(scored), path('scores.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    join_scores.py --output scores.tsv.gz ${scores}
    """

    stub:
    """
    touch scores.tsv.gz
    """
}
