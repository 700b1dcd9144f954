include { fingerprint ; option ; quoted } from '../functions/scripts'

// Scores of another tool (--external_scores), with positions on the genome.
process IMPORT_SCORES {
    tag "${row.tool}"
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('import_scores.py') }

    input:
    tuple val(row), path(scores, stageAs: 'external_scores'), path(chain, stageAs: 'chain'), path(fasta)

    output:
    tuple val(row), path('scores.tsv.gz'), path('unused.tsv'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    import_scores.py --scores external_scores --model ${quoted(row.model ?: row.tool)} ${option('--format', row.format)} \\
        ${option('--tracks', row.tracks)} ${option('--score', row.score)} ${chain ? '--chain chain' : ''} \\
        --fasta ${fasta} --output scores.tsv.gz --unused unused.tsv
    """

    stub:
    """
    touch scores.tsv.gz unused.tsv
    """
}
