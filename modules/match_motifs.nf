include { fingerprint } from '../functions/scripts'

// Which motifs raise or lower each population's expression, and the sites of large effect that they explain.
process MATCH_MOTIFS {
    tag "${model.id}"
    label 'process_medium'
    ext code: { fingerprint('match_motifs.py') }

    input:
    tuple val(model), path(saturation), path(genes)
    path motifs, stageAs: 'motif_file'
    val p_value                                     // highest p-value of a hit

    output:
    tuple val(model), path('motifs.tsv'), path('seqlets.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    match_motifs.py --effects ${saturation}/effects.h5 --genes ${genes} --motifs motif_file \\
        --p_value ${p_value} --threads ${task.cpus} \\
        --output motifs.tsv --seqlets seqlets.tsv.gz
    """

    stub:
    """
    touch motifs.tsv seqlets.tsv.gz
    """
}
