// All replicates of one fold of a model, or of several (--folds_per_task).

// The options of train_fold.py that a network heeds: others of them need not train it again.
def recipe(network, params) {
    def shared = ['inputs', 'replicates', 'validation_genes', 'seed', 'engine']
    return params.subMap(network == 'scxpresso' ? shared + ['epochs', 'batch_size', 'learning_rate'] : shared)
}

process TRAIN_FOLD {
    tag "${model.atlas} ${model.level} ${model.network} ${held_out.join(',')}"
    label 'process_gpu'

    input:
    tuple val(model), val(held_out), val(recipe), path(features), path(expression), path(folds)
    val device
    val code                                        // fingerprint of the executable's modules

    output:
    tuple val(model), path('fold_*', arity: '1..*'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    def options = recipe.collect { name, value -> "--${name} ${value}" }.join(' ')
    """
    export PIPELINE_CODE=${code}
    train_fold.py --features ${features} --expression ${expression} --folds ${folds} --fold ${held_out.join(',')} \\
        --network ${model.network} ${options} --device ${device} --threads ${task.cpus}
    """

    stub:
    """
    for fold in ${held_out.join(' ')}; do
        mkdir fold_\$fold
        touch fold_\$fold/history.tsv
        for replicate in \$(seq ${recipe.replicates}); do touch fold_\$fold/replicate_\$replicate.safetensors; done
    done
    """
}
