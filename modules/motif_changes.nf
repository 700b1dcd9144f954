include { fingerprint } from '../functions/scripts'

// How alleles change the motifs that they lie in.
process MOTIF_CHANGES {
    tag "${scored.set} ${scored.id}"
    label 'process_medium'
    ext code: { fingerprint('motif_changes.py') }

    input:
    tuple val(scored), path(scores), path(features), path(genes)
    path motifs, stageAs: 'motif_file'
    val p_value                                     // highest p-value of a hit

    output:
    tuple val(scored), path('motifs.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    motif_changes.py --scores ${scores} --features ${features} --genes ${genes} --motifs motif_file \\
        --p_value ${p_value} --threads ${task.cpus} --output motifs.tsv.gz
    """

    stub:
    """
    touch motifs.tsv.gz
    """
}
