// Expression of new sequences: windows, or the genes of another assembly or individual.
process PREDICT {
    tag "${predicted.sample} ${predicted.atlas} ${predicted.level} ${predicted.network}"
    label 'process_gpu'

    input:
    tuple val(predicted), path(windows, stageAs: 'windows.fasta'), path(features), path(description, stageAs: 'model/*'), path(folds, stageAs: 'model/*')
    val device
    val code                                        // fingerprint of the executable's modules

    output:
    tuple val(predicted), path('predictions.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${code}
    predict.py --model model ${windows ? '--windows windows.fasta' : ''} --features ${features} --device ${device} \\
        --threads ${task.cpus} --output predictions.tsv.gz
    """

    stub:
    """
    touch predictions.tsv.gz
    """
}
