include { fingerprint } from '../functions/scripts'

// Out-of-fold predictions of every gene by a model's folds, and model.json.
process ENSEMBLE {
    tag "${model.id}"
    label 'process_medium'
    ext code: { fingerprint('ensemble.py') }

    input:
    tuple val(model), path(features), path(expression), path(fraction, stageAs: 'fraction/*'), path(dispersion, stageAs: 'dispersion/*'), path(populations), path(folds), val(ensemble), path(fold_dirs)

    output:
    tuple val(model), path('predictions.tsv.gz'), path('model.json'), emit: made
    tuple val(model), path('{fraction,dispersion}.tsv.gz', arity: '0..*'), emit: further
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    ensemble.py --features ${features} --expression ${expression} --populations ${populations} --folds ${folds} \\
        ${fraction ? "--fraction ${fraction}" : ''} ${dispersion ? "--dispersion ${dispersion}" : ''} \\
        --ensemble ${ensemble} --atlas ${model.atlas} --level ${model.level} --recipe ${model.recipe} --genome ${model.genome} --threads ${task.cpus} ${fold_dirs}
    """

    stub:
    """
    touch predictions.tsv.gz model.json ${fraction ? 'fraction.tsv.gz' : ''} ${dispersion ? 'dispersion.tsv.gz' : ''}
    """
}
