include { fingerprint } from '../functions/scripts'

// The effect of every substitution in the windows of some genes, by the networks for which they were held out.
process SATURATE {
    tag "${model.id}"
    label 'process_gpu'
    ext code: { fingerprint('saturate.py') }

    input:
    tuple val(model), path(description, stageAs: 'model/*'), path(folds, stageAs: 'model/*'), path(features), path(genes), path(chunk, stageAs: 'chunks/*')
    val device
    val engine

    output:
    tuple val(model), path("part_${chunk.baseName}"), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    saturate.py --model model --features ${features} --genes ${genes} --chunk ${chunk} \\
        --device ${device} --engine ${engine} --threads ${task.cpus} --outdir part_${chunk.baseName}
    """

    stub:
    """
    mkdir part_${chunk.baseName}
    """
}
