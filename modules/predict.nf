include { fingerprint } from '../functions/scripts'

// Expression of new sequences: windows, or the genes of another assembly or individual.
process PREDICT {
    tag "${predicted.sample} ${predicted.id}"
    label 'process_gpu'
    ext code: { fingerprint('predict.py') }

    input:
    tuple val(predicted), path(windows, stageAs: 'windows.fasta'), val(window), path(features), path(description, stageAs: 'model/*'), path(folds, stageAs: 'model/*')
    val device

    output:
    tuple val(predicted), path('predictions.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    predict.py --model model ${windows ? "--windows windows.fasta --upstream ${window.upstream} --downstream ${window.downstream}" : ''} --features ${features} --device ${device} \\
        --threads ${task.cpus} --output predictions.tsv.gz
    """

    stub:
    """
    touch predictions.tsv.gz
    """
}
