include { fingerprint } from '../functions/scripts'

// All replicates of one fold of a model, or of several (--folds_per_task).
process TRAIN_FOLD {
    tag "${model.id} ${held_out.join(',')}"
    label 'process_gpu'
    ext code: { fingerprint('train_fold.py') }

    input:
    tuple val(model), val(held_out), val(training), path(features), path(expression), path(fraction, stageAs: 'fraction/*'), path(dispersion, stageAs: 'dispersion/*'), path(folds)
    val device

    output:
    tuple val(model), path('fold_*', arity: '1..*'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    def options = training.collect { name, value -> "--${name} ${value}" }.join(' ')
    """
    export PIPELINE_CODE=${task.ext.code}
    train_fold.py --features ${features} --expression ${expression} --folds ${folds} --fold ${held_out.join(',')} \\
        ${fraction ? "--fraction ${fraction}" : ''} ${dispersion ? "--dispersion ${dispersion}" : ''} \\
        --recipe ${model.recipe} --network ${model.network} ${options} --device ${device} --threads ${task.cpus}
    """

    stub:
    """
    for fold in ${held_out.join(' ')}; do
        mkdir fold_\$fold
        touch fold_\$fold/history.tsv
        for replicate in \$(seq ${training.replicates}); do touch fold_\$fold/replicate_\$replicate.safetensors; done
    done
    """
}
