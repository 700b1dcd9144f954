include { fingerprint ; option ; quoted } from '../functions/scripts'

// Our effects of variants against measured ones (--benchmark).
process BENCHMARK_EFFECTS {
    tag "${row.benchmark} ${scored.id}"
    label 'process_single'
    ext code: { fingerprint('benchmark_effects.py') }

    input:
    tuple val(row), path(measured, stageAs: 'measured'), val(scored), path(scores)

    output:
    tuple val(row), val(scored), path('pairs.tsv.gz'), path('metrics.tsv'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    benchmark_effects.py --scores ${scores} --measured measured --name ${quoted(row.benchmark)} ${option('--max_p', row.max_p)} \\
        --output pairs.tsv.gz --metrics metrics.tsv
    """

    stub:
    """
    touch pairs.tsv.gz metrics.tsv
    """
}
