include { fingerprint } from '../functions/scripts'

// Our scores beside those of other tools, and their rank correlations.
process COMPARE_SCORES {
    tag "${scored.set} ${scored.id}"
    label 'process_single'
    ext code: { fingerprint('compare_scores.py') }

    input:
    tuple val(scored), path(scores), path(external, stageAs: 'external/?/scores')

    output:
    tuple val(scored), path('comparison.tsv'), path('correlations.tsv'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    compare_scores.py --scores ${scores} \$(printf -- '--external %s ' external/*/scores) \\
        --output comparison.tsv --correlations correlations.tsv
    """

    stub:
    """
    touch comparison.tsv correlations.tsv
    """
}
