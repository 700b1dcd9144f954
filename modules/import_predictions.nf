include { fingerprint ; option ; quoted } from '../functions/scripts'

// Predictions of another model (--external_predictions), in the format of a network's.
process IMPORT_PREDICTIONS {
    tag "${row.name} ${level.atlas} ${level.level} ${method}"
    label 'process_single'
    ext code: { fingerprint('import_predictions.py') }

    input:
    tuple val(level), val(method), val(row), path(predictions, stageAs: 'external_predictions'), path(genes), path(expression), path(folds)

    output:
    tuple val(level), val(method), val(row), path('predictions.tsv.gz'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    import_predictions.py --predictions external_predictions ${option('--layer', row.layer)} \\
        --missing_genes ${quoted(row.missing_genes ?: 'error')} --genes ${genes} --expression ${expression} \\
        --folds ${folds} --output predictions.tsv.gz
    """

    stub:
    """
    touch predictions.tsv.gz
    """
}
