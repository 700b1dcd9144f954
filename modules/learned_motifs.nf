include { fingerprint } from '../functions/scripts'

// The motifs that a model's networks have learned, merged over folds and replicates.
process LEARNED_MOTIFS {
    tag "${model.id}"
    label 'process_medium'
    ext code: { fingerprint('learned_motifs.py') }

    input:
    tuple val(model), path(description, stageAs: 'model/*'), path(folds, stageAs: 'model/*'), path(features)
    path motifs, stageAs: 'motif_file'              // known ones to compare them with, or []

    output:
    tuple val(model), path('motifs.tsv'), path('motifs.meme'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    learned_motifs.py --model model --features ${features} ${motifs ? '--motifs motif_file' : ''} --threads ${task.cpus} \\
        --output motifs.tsv --meme motifs.meme
    """

    stub:
    """
    touch motifs.tsv motifs.meme
    """
}
