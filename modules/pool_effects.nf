include { fingerprint } from '../functions/scripts'

// The effects of every substitution in shuffled windows of many genes, which the alleles of all sets are compared with.
process POOL_EFFECTS {
    tag "${model.id}"
    label 'process_gpu'
    ext code: { fingerprint('pool_effects.py') }

    input:
    tuple val(model), path(description, stageAs: 'model/*'), path(folds, stageAs: 'model/*'), path(features)
    val device
    val engine

    output:
    tuple val(model), path('pooled_effects.h5'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    pool_effects.py --model model --features ${features} --device ${device} --engine ${engine} \\
        --threads ${task.cpus} --output pooled_effects.h5
    """

    stub:
    """
    touch pooled_effects.h5
    """
}
