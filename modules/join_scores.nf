// All scores of a set by a model, with q-values over the set.
process JOIN_SCORES {
    tag "${scored.set} ${scored.atlas} ${scored.level} ${scored.network}"
    label 'process_medium'

    input:
    tuple val(scored), path(scores)
    val code                                        // fingerprint of the executable's modules

    output:
    tuple val(scored), path('scores.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${code}
    join_scores.py --output scores.tsv.gz ${scores}
    """

    stub:
    """
    touch scores.tsv.gz
    """
}
